import { readConfig } from '../../pipeline/config.ts'
import type { Container, Manifest, Pod, Selector } from './manifests.ts'

/** Made by hand, as the kustomization files say. */
const SECRETS_BY_HAND = ['grafana', 'postgres-app', 'event-hubs']

/** What no schema can tell: names, labels, ports and numbers of one object that do not agree with another. Empty when all do. */
export function disagreements(objects: readonly Manifest[]): string[] {
  const ofKind = (...kinds: readonly string[]) => objects.filter(({ kind }) => kinds.includes(kind))
  return [
    ...workloads(objects).flatMap(({ manifest, pod }) =>
      missingNames(objects, pod).map((name) => `${nameOf(manifest)}: ${name}`),
    ),
    ...objects.flatMap((object) =>
      selectors(object)
        .filter((selector) => !podLabels(objects).some((labels) => matches(selector, labels)))
        .map((selector) => `${nameOf(object)}: no pod has ${JSON.stringify(selector)}`),
    ),
    ...ofKind('Service', 'PodMonitor').flatMap((object) => closedPorts(object, objects)),
    ...ofKind('ScaledObject').flatMap((object) => wrongScaling(object, objects)),
    ...wrongSettings(objects),
  ]
}

/** The variables of the ConfigMap `settings`. */
export function settingsOf(objects: readonly Manifest[]): Readonly<Record<string, string>> {
  return objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith('settings-'))?.data ?? {}
}

/** Everything that runs pods, but for the operators' own. */
export function workloads(objects: readonly Manifest[]): { readonly manifest: Manifest; readonly pod: Pod }[] {
  return objects.flatMap((manifest) => {
    const pod = manifest.spec?.template
    return pod !== undefined && /^(Deployment|StatefulSet)$/.test(manifest.kind) ? [{ manifest, pod }] : []
  })
}

export function matches(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
  )
}

export const isOurs = (labels: Readonly<Record<string, string>>) => labels['app.kubernetes.io/name'] === 'throughline'

export const allContainers = ({ containers, initContainers = [] }: Pod['spec']) => [...containers, ...initContainers]

/** The processes of the pipeline; the component is the stage. */
export function ours(
  objects: readonly Manifest[],
): { readonly component: string; readonly containers: readonly Container[] }[] {
  return workloads(objects).flatMap(({ pod: { metadata, spec } }) => {
    const { 'app.kubernetes.io/component': component = '' } = metadata.labels
    return isOurs(metadata.labels) ? [{ component, containers: allContainers(spec) }] : []
  })
}

const nameOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`

/** The labels of all pods, those that operators make included. */
function podLabels(objects: readonly Manifest[]): Readonly<Record<string, string>>[] {
  const byOperators = objects.flatMap(({ kind, metadata: { name } }): Readonly<Record<string, string>>[] => {
    if (kind === 'Kafka') return [{ 'strimzi.io/cluster': name }]
    return kind === 'Cluster' ? [{ 'cnpg.io/cluster': name }] : []
  })
  return [...workloads(objects).map(({ pod }) => pod.metadata.labels), ...byOperators]
}

function selectors({ kind, spec = {} }: Manifest): Selector[] {
  if (kind === 'Service') return spec.selector === undefined ? [] : [{ matchLabels: spec.selector }]
  if (kind === 'PodDisruptionBudget' || kind === 'PodMonitor') return [spec.selector ?? {}]
  if (kind !== 'NetworkPolicy') return []
  const peers = [
    ...(spec.ingress ?? []).flatMap(({ from }) => from ?? []),
    ...(spec.egress ?? []).flatMap(({ to }) => to ?? []),
  ]
  return [spec.podSelector ?? {}, ...peers.flatMap(({ podSelector }) => podSelector ?? [])]
}

/** ConfigMaps and Secrets that a pod names and that neither the overlay nor an operator makes, and probes of no port. */
function missingNames(objects: readonly Manifest[], { spec }: Pod): string[] {
  const made = objects.flatMap(({ kind, metadata: { name } }) => {
    if (kind === 'Kafka') return [`Secret ${name}-cluster-ca-cert`]
    if (kind === 'KafkaUser') return [`Secret ${name}`]
    return kind === 'Cluster' ? [`Secret ${name}-app`, `Secret ${name}-ca`] : [`${kind} ${name}`]
  })
  const known = new Set([...made, ...SECRETS_BY_HAND.map((name) => `Secret ${name}`)])
  const containers = allContainers(spec)
  const named = [
    ...containers.flatMap(({ envFrom = [] }) => envFrom.map(({ configMapRef }) => `ConfigMap ${configMapRef.name}`)),
    ...containers
      .flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []))
      .map((name) => `Secret ${name}`),
    ...(spec.volumes ?? []).flatMap(({ configMap }) => (configMap === undefined ? [] : [`ConfigMap ${configMap.name}`])),
    ...(spec.volumes ?? []).flatMap(({ secret }) => (secret === undefined ? [] : [`Secret ${secret.secretName}`])),
  ]
  const ports = spec.containers.flatMap((container) => {
    const { startupProbe, livenessProbe, readinessProbe } = container
    const probed = [startupProbe, livenessProbe, readinessProbe].flatMap((probe) => probe?.httpGet?.port ?? [])
    return probed.filter((port) => !(container.ports ?? []).some(({ name }) => name === port))
  })
  return [
    ...named.filter((name) => !known.has(name)).map((name) => `no ${name}`),
    ...ports.map((port) => `a probe of the port ${port}, which no container has`),
  ]
}

function closedPorts(object: Manifest, objects: readonly Manifest[]): string[] {
  const selected = selectors(object).flatMap((selector) =>
    workloads(objects).filter(({ pod }) => matches(selector, pod.metadata.labels)),
  )
  const open = selected.flatMap(({ pod }) => pod.spec.containers.flatMap(({ ports = [] }) => ports))
  const { ports = [], podMetricsEndpoints = [], type } = object.spec ?? {}
  if (type === 'ExternalName') return []
  const closed = [
    ...ports.map(({ port }) => port).filter((port) => !open.some(({ containerPort }) => containerPort === port)),
    ...podMetricsEndpoints.map(({ port }) => port).filter((port) => !open.some(({ name }) => name === port)),
  ]
  return closed.map((port) => `${nameOf(object)}: no selected pod has the port ${port}`)
}

function wrongScaling(object: Manifest, objects: readonly Manifest[]): string[] {
  const { scaleTargetRef, minReplicaCount = 0, maxReplicaCount = 100, triggers = [] } = object.spec ?? {}
  const target = workloads(objects).find(({ manifest }) => manifest.metadata.name === scaleTargetRef?.name)
  if (target === undefined) return [`${nameOf(object)}: no Deployment ${scaleTargetRef?.name}`]
  const partitions = Number(settingsOf(objects)['TOPIC_PARTITIONS'])
  const stage = target.pod.metadata.labels['app.kubernetes.io/component']
  const wrong: string[] = []
  if (target.manifest.spec?.replicas !== undefined) wrong.push('the Deployment sets replicas, too')
  if (minReplicaCount > maxReplicaCount) wrong.push('minReplicaCount is above maxReplicaCount')
  if (maxReplicaCount > partitions) wrong.push(`maxReplicaCount is above TOPIC_PARTITIONS, ${partitions}`)
  for (const { metadata } of triggers) {
    if (!metadata.query.includes(`{stage="${stage}"}`)) wrong.push(`the query is not of ${stage}`)
    const isThere = objects.some(({ kind, metadata: { name, namespace } }) => {
      return kind === 'Service' && metadata.serverAddress.startsWith(`http://${name}.${namespace}:`)
    })
    if (!isThere) wrong.push(`no Service is at ${metadata.serverAddress}`)
  }
  return wrong.map((sentence) => `${nameOf(object)}: ${sentence}`)
}

/** Settings that a process would refuse, or for which there are too few brokers. */
function wrongSettings(objects: readonly Manifest[]): string[] {
  const wrong: string[] = []
  const settings = settingsOf(objects)
  const { BOOTSTRAP_SERVERS = '', KAFKA_SASL_MECHANISM: mechanism } = settings
  const isAzure = BOOTSTRAP_SERVERS.includes('servicebus')
  try {
    readConfig({
      ...settings,
      ...(isAzure ? { EVENTHUB_CONNECTIONSTRING: 'Endpoint=sb://example' } : {}),
      ...(mechanism === undefined ? {} : { KAFKA_SASL_PASSWORD: 'secret' }),
      // Files that a Secret brings.
      KAFKA_SSL_CA_FILE: '',
      DB_SSLROOTCERT: '',
    })
  } catch (error) {
    wrong.push(String(error))
  }
  const brokers = objects.find(({ spec }) => spec?.roles?.includes('broker') === true)?.spec?.replicas
  const copies = Number(settings['TOPIC_REPLICATION_FACTOR'] ?? 1)
  if (brokers !== undefined && copies > brokers) wrong.push(`TOPIC_REPLICATION_FACTOR is ${copies}, of ${brokers} brokers`)
  return wrong
}
