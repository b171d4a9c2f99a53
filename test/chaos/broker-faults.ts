import { setTimeout as sleep } from 'node:timers/promises'
import { loadKafkajs } from '../../kafka/client.ts'
import type { LocalServer } from '../../local/local-server.ts'
import { pipeline } from '../../stages/index.ts'
import { waitUntil } from '../../telemetry/wait-until.ts'
import { oneOf } from '../support/data/random.ts'
import type { Cluster } from './cluster.ts'
import { cutOff } from './faults.ts'
import type { NetworkProxy } from './faults/network-proxy.ts'

/** A failure of a cluster of three brokers, or one that needs the brokers to be well. */
export interface BrokerFault {
  readonly name: string
  /** Injects it and undoes it. Resolves with the time from which messages can finish again: when it began, if they always can. */
  readonly inject: (cluster: Cluster) => Promise<number>
  /** Without this it always is. */
  readonly isPossible?: (cluster: Cluster) => boolean
  /** Undoes what `inject` leaves, where another fault follows. */
  readonly undo?: (cluster: Cluster) => Promise<void>
}

const AWAY_MS = 30_000
const UNAVAILABLE_MS = 20_000
const CUT_OFF_MS = 20_000
/** Longer than it takes until its verdict has to be right. */
const STAGE_AWAY_MS = 75_000

/** A group whose coordinator is looked for. */
const GROUP = pipeline[Math.floor((pipeline.length - 1) / 2)]?.name ?? ''

type Role = (cluster: Cluster) => Promise<LocalServer>

const leader: Role = (cluster) => cluster.leader()
const coordinator: Role = (cluster) => cluster.coordinator(GROUP)

const killed = (role: Role) => async (cluster: Cluster) => {
  const broker = await role(cluster)
  const begin = Date.now()
  broker.kill('SIGKILL')
  await sleep(AWAY_MS)
  await broker.restart()
  return begin
}

const frozen = (role: Role, ms: number) => async (cluster: Cluster) => {
  const broker = await role(cluster)
  const begin = Date.now()
  broker.kill('SIGSTOP')
  await sleep(ms)
  broker.kill('SIGCONT')
  return begin
}

async function gone(cluster: Cluster): Promise<number> {
  const broker = await coordinator(cluster)
  const begin = Date.now()
  await broker.stop({ signal: 'SIGKILL' })
  await sleep(AWAY_MS)
  return begin
}

async function restartMissing({ brokers }: Cluster): Promise<void> {
  for (const broker of brokers) if (await hasEnded(broker)) await broker.restart()
}

const hasEnded = (broker: LocalServer) => Promise.race([broker.exited.then(() => true), sleep(0).then(() => false)])

async function rollingRestart(cluster: Cluster): Promise<number> {
  const begin = Date.now()
  for (const broker of cluster.brokers) {
    await broker.restart()
    await cluster.whole()
  }
  return begin
}

async function twoAway({ brokers }: Cluster): Promise<number> {
  const [one, other] = brokers as [LocalServer, LocalServer]
  one.kill('SIGKILL')
  other.kill('SIGKILL')
  await sleep(UNAVAILABLE_MS)
  const restarts = [one.restart(), other.restart()]
  await Promise.race(restarts)
  const end = Date.now()
  await Promise.all(restarts)
  return end
}

/** The topics require three replicas in sync while one of three brokers is away. */
async function tooFewInSync(cluster: Cluster): Promise<number> {
  const [broker] = cluster.brokers as [LocalServer]
  await requireInSync(cluster, 3)
  broker.kill('SIGKILL')
  await sleep(UNAVAILABLE_MS)
  await requireInSync(cluster, 2)
  const end = Date.now()
  await broker.restart()
  return end
}

async function requireInSync({ admin, topics }: Cluster, replicas: number): Promise<void> {
  const { ConfigResourceTypes, ConfigSource } = loadKafkajs()
  const type = ConfigResourceTypes.TOPIC
  const { resources } = await admin.describeConfigs({
    resources: topics.map((name) => ({ type, name })),
    includeSynonyms: false,
  })
  // The request replaces all settings of the topic.
  const changed = resources.map(({ resourceName: name, configEntries }) => {
    const own = configEntries.filter(({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG)
    const kept = own.map((entry) => ({ name: entry.configName, value: entry.configValue }))
    const others = kept.filter((entry) => entry.name !== 'min.insync.replicas')
    return { type, name, configEntries: [...others, { name: 'min.insync.replicas', value: String(replicas) }] }
  })
  await admin.alterConfigs({ validateOnly: false, resources: changed })
}

/** Moves each partition to two brokers, then back to three in another order, and lets the first of them lead. */
async function reassign(cluster: Cluster): Promise<number> {
  const begin = Date.now()
  for (const count of [2, 3]) {
    const described = await cluster.admin.fetchTopicMetadata({ topics: [...cluster.topics] })
    const topics = described.topics.map(({ name: topic, partitions }) => ({
      topic,
      partitionAssignment: partitions.map(({ partitionId: partition }) => ({
        partition,
        replicas: [0, 1, 2].map((offset) => ((partition + offset + count) % 3) + 1).slice(0, count),
      })),
    }))
    await cluster.admin.alterPartitionReassignments({ topics })
    await cluster.whole()
  }
  await cluster.electPreferredLeaders()
  return begin
}

async function addPartitions({ admin, topics }: Cluster): Promise<number> {
  const begin = Date.now()
  const described = await admin.fetchTopicMetadata({ topics: [...topics] })
  const topicPartitions = described.topics.map(({ name, partitions }) => ({ topic: name, count: partitions.length + 2 }))
  await admin.createPartitions({ topicPartitions })
  // Longer than metadata are kept.
  await sleep(35_000)
  return begin
}

const cut = (how: 'refuse' | 'hang') => async (cluster: Cluster) => {
  const broker = await cluster.leader()
  const begin = Date.now()
  await cutOff(cluster.servers.brokerProxies[cluster.brokers.indexOf(broker)] as NetworkProxy, how, CUT_OFF_MS)
  return begin
}

async function fillDisk({ servers: { disk }, brokers }: Cluster): Promise<number> {
  const begin = Date.now()
  const broker = brokers.at(-1) as LocalServer
  await disk?.fill()
  // Its only directory of logs fails at the next write, and Kafka ends without one.
  await waitUntil('the broker has ended', () => hasEnded(broker), { timeoutMs: 120_000 })
  await sleep(AWAY_MS)
  await disk?.free()
  await broker.restart()
  return begin
}

const stageAway = (kind: 'kill' | 'freeze') => async (cluster: Cluster) => {
  const begin = Date.now()
  const { name } = oneOf(cluster.random, pipeline)
  const processes = cluster.targets.get(name) ?? []
  await Promise.all(processes.map((process) => process.inject({ kind, lastsMs: STAGE_AWAY_MS })))
  return begin
}

/** The last one leaves the cluster with two brokers, so a run ends with it. */
export const brokerFaults: readonly BrokerFault[] = [
  { name: 'leader killed', inject: killed(leader) },
  { name: 'coordinator killed', inject: killed(coordinator) },
  { name: 'controller killed', inject: killed((cluster) => cluster.controller()) },
  { name: 'leader frozen for 45 s', inject: frozen(leader, 45_000) },
  { name: 'coordinator frozen for 4 minutes', inject: frozen(coordinator, 240_000) },
  { name: 'rolling restart', inject: rollingRestart },
  { name: 'two of three away', inject: twoAway },
  { name: 'too few in sync', inject: tooFewInSync },
  { name: 'reassignment and election', inject: reassign },
  { name: 'partitions added', inject: addPartitions },
  { name: 'network of a broker refused', inject: cut('refuse') },
  { name: 'network of a broker hanging', inject: cut('hang') },
  { name: 'disk of a broker full', inject: fillDisk, isPossible: ({ servers }) => servers.disk !== undefined },
  { name: 'all processes of a stage killed', inject: stageAway('kill') },
  { name: 'all processes of a stage frozen', inject: stageAway('freeze') },
  { name: 'gone for good', inject: gone, undo: restartMissing },
]
