import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { childEnvironment } from '../../pipeline/config.ts'
import { readProjectFile } from '../compose/compose-file.ts'

type Labels = Readonly<Record<string, string>>

export interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly { readonly key: string; readonly values: readonly string[] }[]
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string }
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string } }
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly args?: readonly string[]
  readonly env?: readonly Variable[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly resources: { readonly limits: { readonly memory: string }; readonly requests: { readonly memory: string } }
  readonly securityContext?: { readonly allowPrivilegeEscalation?: boolean; readonly readOnlyRootFilesystem?: boolean }
  readonly startupProbe?: Probe
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
}

export interface Pod {
  readonly metadata: { readonly labels: Labels }
  readonly spec: {
    readonly containers: readonly Container[]
    readonly initContainers?: readonly Container[]
    readonly securityContext: { readonly runAsNonRoot?: boolean }
    readonly volumes?: readonly {
      readonly configMap?: { readonly name: string }
      readonly secret?: { readonly secretName: string }
    }[]
  }
}

/** Pods of the same namespace, or all pods of other namespaces. */
export interface PolicyPeer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
}

interface PolicyRule {
  readonly ports?: readonly { readonly port: number }[]
}

/** The parts of NetworkPolicy, Service, PodDisruptionBudget, PodMonitor, ScaledObject, Kafka and KafkaNodePool that are read. */
export interface Spec {
  readonly replicas?: number
  readonly template?: Pod
  readonly type?: string
  readonly selector?: Labels & Selector
  readonly ports?: readonly { readonly port: number }[]
  readonly podSelector?: Selector
  readonly policyTypes?: readonly string[]
  readonly ingress?: readonly (PolicyRule & { readonly from?: readonly PolicyPeer[] })[]
  readonly egress?: readonly (PolicyRule & { readonly to?: readonly PolicyPeer[] })[]
  readonly podMetricsEndpoints?: readonly { readonly port: string }[]
  readonly scaleTargetRef?: { readonly name: string }
  readonly maxReplicaCount?: number
  readonly minReplicaCount?: number
  readonly triggers?: readonly { readonly metadata: { readonly query: string; readonly serverAddress: string } }[]
  readonly roles?: readonly string[]
}

export interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly data?: Labels
  readonly spec?: Spec
}

const kubernetes = 'deploy/kubernetes'

/** The names of the directories in a directory of deploy/kubernetes. */
export function directories(path: string): string[] {
  return readdirSync(new URL(`../../${kubernetes}/${path}`, import.meta.url)).toSorted()
}

/** A YAML file of deploy/kubernetes. */
export function readManifest(path: string): unknown {
  return parse(readProjectFile(`${kubernetes}/${path}`), { merge: true })
}

const { PATH, HOME, KUBERNETES_SCHEMAS } = childEnvironment({})
const cwd = fileURLToPath(new URL(`../../${kubernetes}`, import.meta.url))

function run(command: readonly string[], input = '') {
  const [program = '', ...args] = command
  return spawnSync(program, args, { cwd, env: { PATH, HOME }, input, encoding: 'utf8', maxBuffer: 1e8 })
}

/** The command that renders a directory: kustomize itself, or the one in kubectl. */
const kustomize = [
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
].find((command) => run([...command, '--help']).status === 0)

export const canRender = kustomize !== undefined

/** The directory of JSON schemas, where the variable names one and kubeconform is installed. */
export const schemas = run(['kubeconform', '-v']).status === 0 ? KUBERNETES_SCHEMAS : undefined

/**
 * The objects of an overlay.
 * @throws {Error} with the message of kustomize
 */
export function render(overlay: string): Manifest[] {
  const { status, stdout, stderr } = run([...(kustomize ?? []), join('overlays', overlay)])
  if (status !== 0) throw new Error(stderr)
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest)
}

export interface Verdict {
  readonly kind: string
  readonly name: string
  readonly status: 'statusValid' | 'statusInvalid' | 'statusSkipped' | 'statusError'
  readonly msg: string
}

/** What kubeconform says of each object, strictly. A kind without a schema is skipped. */
export function validate(objects: readonly object[]): Verdict[] {
  const location = `${schemas}/{{ .ResourceKind }}{{ .KindSuffix }}.json`
  const flags = ['-strict', '-verbose', '-ignore-missing-schemas', '-output', 'json', '-schema-location', location]
  const { stdout } = run(['kubeconform', ...flags], objects.map((object) => stringify(object)).join('---\n'))
  return (JSON.parse(stdout) as { resources: Verdict[] }).resources
}
