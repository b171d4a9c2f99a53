import { describe, expect, test } from 'vitest'
import { pipeline } from '../stages/index.ts'
import { readCompose, readProjectFile } from '../test/compose/compose-file.ts'
import {
  type Manifest,
  type Spec,
  canRender,
  directories,
  readManifest,
  render,
  schemas,
  validate,
} from '../test/kubernetes/manifests.ts'
import {
  allContainers,
  disagreements,
  isOurs,
  matches,
  ours,
  settingsOf,
  workloads,
} from '../test/kubernetes/references.ts'

const stageNames = pipeline.map(({ name }) => name)
const [first = ''] = stageNames
const overlays = directories('overlays')

/** kustomize names a ConfigMap after what it holds. */
const HASH = /-[a-z0-9]{10}$/

interface Kustomization {
  readonly resources: readonly string[]
  readonly nameSuffix: string
  readonly labels: readonly { readonly pairs: object; readonly includeSelectors: boolean }[]
}

test('every stage has a directory of at most ten lines, and every directory a stage', () => {
  expect(directories('stages')).toEqual(stageNames.toSorted())
  for (const name of stageNames) {
    const { resources, nameSuffix, labels } = readManifest(`stages/${name}/kustomization.yaml`) as Kustomization
    expect({ resources, nameSuffix, labels }).toEqual({
      resources: ['../../stage'],
      nameSuffix: `-${name}`,
      labels: [{ includeSelectors: true, pairs: { 'app.kubernetes.io/component': name } }],
    })
    expect(readProjectFile(`deploy/kubernetes/stages/${name}/kustomization.yaml`).split('\n').length).toBeLessThan(11)
  }
})

test('the base has the directories in the order of the pipeline', () => {
  const { resources } = readManifest('processes/kustomization.yaml') as Kustomization
  const stages = resources.flatMap((path) => /^\.\.\/stages\/(.*)$/.exec(path)?.[1] ?? [])
  expect(stages).toEqual(stageNames)
})

test('KEDA scales every stage by what the monitor wants for it', () => {
  const { items } = readManifest('components/keda/scaled-objects.yaml') as { items: { spec: Spec }[] }
  const scaled = items.map(({ spec }) => [spec.scaleTargetRef?.name, spec.triggers?.[0]?.metadata.query])
  expect(scaled).toEqual(stageNames.map((name) => [`stage-${name}`, `max(throughline_processes_wanted{stage="${name}"})`]))
})

describe.skipIf(!canRender)('rendered (skipped without kustomize or kubectl on the PATH)', { timeout: 60_000 }, () => {
  const rendered = new Map<string, Manifest[]>()
  /** A copy, which a test may change. */
  function objectsOf(overlay: string): Manifest[] {
    const objects = rendered.get(overlay) ?? render(overlay)
    rendered.set(overlay, objects)
    return structuredClone(objects)
  }

  describe.each(overlays)('%s', (overlay) => {
    test('names, labels, ports and settings agree', () => {
      expect(disagreements(objectsOf(overlay))).toEqual([])
    })

    test('it has every stage, monitor and tracer', () => {
      const names = workloads(objectsOf(overlay)).map(({ manifest }) => manifest.metadata.name)
      expect(names).toEqual(expect.arrayContaining([...stageNames.map((name) => `stage-${name}`), 'monitor', 'tracer']))
    })

    test('every setting is one of .env.example', () => {
      const known = new Set([...readProjectFile('.env.example').matchAll(/^#? ?([A-Z_]+)=/gm)].map(([, name]) => name))
      const set = ours(objectsOf(overlay)).flatMap(({ containers }) => containers.flatMap(({ env = [] }) => env))
      const names = [...Object.keys(settingsOf(objectsOf(overlay))), ...set.map(({ name }) => name)]
      expect(names.filter((name) => !known.has(name) && name !== 'NODE_OPTIONS')).toEqual([])
    })

    test('every container has minimal privileges, and no key of the Kubernetes API', () => {
      for (const { pod } of workloads(objectsOf(overlay))) {
        expect(pod.spec).toMatchObject({
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        })
        for (const { securityContext } of allContainers(pod.spec)) {
          expect(securityContext).toMatchObject({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
        }
      }
    })

    test('images are those of compose, and processes have the same heap and memory limit as there', () => {
      const compose = readCompose().services
      const images = new Map(
        Object.values(compose).map(({ image }) => [image.replace(/:.*/, ''), image.replace(/.*:/, '')]),
      )
      for (const { pod } of workloads(objectsOf(overlay))) {
        for (const { image } of allContainers(pod.spec)) {
          const [, name = '', tag] = /^(?:registry\.[^/]+\/)?(.*):(.*)$/.exec(image) ?? []
          expect([name, tag]).toEqual([name, images.get(name)])
        }
      }
      for (const { component, containers } of ours(objectsOf(overlay))) {
        expect(containers[0]?.resources.limits.memory).toBe(compose[component]?.mem_limit.replace('m', 'Mi'))
      }
      expect(settingsOf(objectsOf(overlay))['NODE_OPTIONS']).toBe(compose[first]?.environment?.['NODE_OPTIONS'])
    })

    test('every process has probes, a read-only file system and room to end, and a budget where it has replicas', () => {
      const objects = objectsOf(overlay)
      const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget')
      for (const { manifest, pod } of workloads(objects).filter(({ pod: { metadata } }) => isOurs(metadata.labels))) {
        const [container] = pod.spec.containers
        expect(container).toMatchObject({
          securityContext: { readOnlyRootFilesystem: true },
          startupProbe: { httpGet: { path: '/healthz' }, timeoutSeconds: 5 },
          livenessProbe: { httpGet: { path: '/healthz' }, timeoutSeconds: 5 },
          readinessProbe: { httpGet: { path: '/readyz' }, timeoutSeconds: 5 },
        })
        expect(pod.spec).toMatchObject({ terminationGracePeriodSeconds: 30 })
        const guarding = budgets.filter(({ spec }) => matches(spec?.selector ?? {}, pod.metadata.labels))
        expect([manifest.metadata.name, guarding.length]).toEqual([
          manifest.metadata.name,
          manifest.metadata.name === 'generator' ? 0 : 1,
        ])
      }
    })
  })

  /** An object of production with one text of its JSON replaced; the text must be there. */
  function mistaken([kind, name = '', from = '', to = '']: readonly string[]): Manifest {
    const isMeant = ({ metadata }: Manifest) => metadata.name.replace(HASH, '') === name
    const text = JSON.stringify(objectsOf('production').find((object) => object.kind === kind && isMeant(object)))
    expect(text).toContain(from)
    return JSON.parse(text.replace(from, to)) as Manifest
  }

  describe.skipIf(schemas === undefined)(
    'validated strictly (skipped without kubeconform on the PATH and KUBERNETES_SCHEMAS, the directory of its schemas)',
    () => {
      test('every object of every overlay has the form of its kind', () => {
        const objects = overlays.flatMap(objectsOf)
        const verdicts = validate(objects)
        expect(verdicts).toHaveLength(objects.length)
        expect(verdicts.filter(({ status }) => !/Valid|Skipped/.test(status))).toEqual([])
        // A directory without the schema of this kind can check all others.
        const skipped = verdicts.filter(({ status, kind }) => status === 'statusSkipped' && kind !== 'PodMonitor')
        expect(skipped).toEqual([])
      })

      test('a mistake in an object of each kind is found', () => {
        const mistakes = [
          ['Deployment', `stage-${first}`, '"livenessProbe"', '"livenesProbe"'],
          ['Deployment', 'monitor', '"replicas":2', '"replicas":"two"'],
          ['PodDisruptionBudget', `stage-${first}`, '"maxUnavailable":1', '"maximumUnavailable":1'],
          ['NetworkPolicy', 'deny-all', '"podSelector":{', '"selector":{'],
          ['Service', 'throughline', '"port":9464', '"port":"metrics"'],
          ['StatefulSet', 'tempo', '"serviceName"', '"servicename"'],
          ['ConfigMap', 'settings', '"12"', '12'],
          ['ScaledObject', `stage-${first}`, '"stabilizationWindowSeconds"', '"stabilisationWindowSeconds"'],
          ['Kafka', 'kafka', '"scram-sha-512"', '"scram-sha-256"'],
          ['KafkaNodePool', 'broker', '"broker"]', '"brokers"]'],
          ['KafkaNodePool', 'controller', '"storage"', '"storages"'],
          ['KafkaUser', 'throughline', '"authentication"', '"authorisation"'],
          ['Cluster', 'postgres', '"dataDurability":"required"', '"dataDurability":"always"'],
        ]
        const wrong = validate(mistakes.map((mistake) => mistaken(mistake)))
        const found = wrong.flatMap(({ kind, name, status }) =>
          status === 'statusInvalid' ? `${kind} ${name.replace(HASH, '')}` : [],
        )
        expect(found.toSorted()).toEqual(mistakes.map(([kind, name]) => `${kind} ${name}`).toSorted())
      })
    },
  )

  test.each([
    [
      'no Secret grafanas',
      'Deployment',
      'grafana',
      '"admin-password","name":"grafana"',
      '"admin-password","name":"grafanas"',
    ],
    [
      'no pod has',
      'Service',
      'monitor',
      '"app.kubernetes.io/component":"monitor"',
      '"app.kubernetes.io/component":"watch"',
    ],
    ['no pod has', 'NetworkPolicy', 'to-kafka', '"strimzi.io/cluster":"kafka"', '"strimzi.io/cluster":"broker"'],
    ['no pod has', 'PodDisruptionBudget', 'tracer', '"app.kubernetes.io/component":"tracer"', '"component":"tracer"'],
    ['no selected pod has the port 9465', 'Service', 'throughline', '9464', '9465'],
    ['no selected pod has the port metric', 'PodMonitor', 'throughline', '"port":"metrics"', '"port":"metric"'],
    ['a probe of the port http', 'Deployment', `stage-${first}`, '"port":"metrics"', '"port":"http"'],
    [`no Deployment ${first}`, 'ScaledObject', `stage-${first}`, `{"name":"stage-${first}"}`, `{"name":"${first}"}`],
    [`the query is not of ${first}`, 'ScaledObject', `stage-${first}`, `stage=\\"${first}\\"`, `stage=\\"${first}s\\"`],
    ['above TOPIC_PARTITIONS', 'ScaledObject', `stage-${first}`, '"maxReplicaCount":12', '"maxReplicaCount":13'],
    ['minReplicaCount is above', 'ScaledObject', `stage-${first}`, '"minReplicaCount":2', '"minReplicaCount":13'],
    ['sets replicas, too', 'Deployment', `stage-${first}`, '"spec":{', '"spec":{"replicas":2,'],
    ['no Service is at', 'Service', 'prometheus', '"namespace":"throughline"', '"namespace":"other"'],
    ['of 1 brokers', 'KafkaNodePool', 'broker', '"replicas":3', '"replicas":1'],
  ])('the check of references says "%s"', (sentence, ...mistake) => {
    const [kind, name] = mistake
    const others = objectsOf('production').filter((object) => object.kind !== kind || object.metadata.name !== name)
    expect(disagreements([...others, mistaken(mistake)]).join('\n')).toContain(sentence)
  })
})
