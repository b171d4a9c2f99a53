import type { Admin, ITopicConfig } from 'kafkajs'
import pRetry from 'p-retry'
import { loadKafkajs } from './client.ts'
import { segmentHours } from './settings.ts'
import { countOf } from '../stages/refusal.ts'
import { UserError } from '../telemetry/user-error.ts'

const HOUR_MS = 3_600_000

/** Brokers learn of a new topic or partition with some delay. */
const untilKnown = { retries: 20, minTimeout: 50, maxTimeout: 500 }

/** The topics of a pipeline. */
export interface TopicPlan {
  readonly names: readonly string[]
  /** That one of them which holds the dead letters. */
  readonly deadLetters: string
  readonly partitions: number
  /** The broker's default when undefined. */
  readonly replicas?: number | undefined
  readonly retentionHours: number
}

/**
 * Creates the topics that are missing; the settings of existing ones stay as they are. Returns the names of the new ones.
 * @throws {UserError} when there are fewer brokers than replicas
 */
export async function createTopics(admin: Admin, plan: TopicPlan): Promise<string[]> {
  const existing = new Set(await admin.listTopics())
  const missing = plan.names.filter((name) => !existing.has(name))
  if (missing.length > 0 && plan.replicas !== undefined) {
    const { length } = (await admin.describeCluster()).brokers
    const mistake = `TOPIC_REPLICATION_FACTOR is ${plan.replicas}, and Kafka has ${countOf(length, 'broker')} now: lower it, or start more.`
    if (length < plan.replicas) throw new UserError(mistake)
  }
  const created: string[] = []
  for (const name of missing) {
    // One request each: false means that another process has created it.
    const isNew = await admin.createTopics({ topics: [topicConfig(name, plan)], waitForLeaders: false })
    if (isNew) created.push(name)
  }
  const areKnown = () => admin.fetchTopicMetadata({ topics: [...plan.names] })
  await pRetry(areKnown, untilKnown)
  return created
}

/**
 * Adds partitions to the topics that have fewer than planned, to all in one request: a record keeps the number of its partition,
 * modulo that of its target, from topic to topic. Brokers cannot remove partitions. Returns the names of those topics.
 */
export async function addPartitions(admin: Admin, { names, partitions: count }: TopicPlan): Promise<string[]> {
  const findSmaller = async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...names] })
    const existing = new Map(topics.map(({ name, partitions }) => [name, partitions.length]))
    return names.filter((name) => (existing.get(name) ?? count) < count)
  }
  const smaller = await findSmaller()
  if (smaller.length === 0) return []
  const topicPartitions = smaller.map((topic) => ({ topic, count }))
  await admin.createPartitions({ topicPartitions }).catch((error: Error & { readonly type?: unknown }) => {
    // Another process was first.
    if (error.type !== 'INVALID_PARTITIONS') throw error
  })
  const areKnown = async () => {
    const late = await findSmaller()
    if (late.length > 0) throw new Error(`Kafka does not show ${count} partitions of ${late.join(', ')} yet`)
  }
  await pRetry(areKnown, untilKnown)
  return smaller
}

/** How many partitions a topic has. */
export async function countPartitions(admin: Admin, topic: string): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  return topics[0]?.partitions.length ?? 1
}

/** What a topic's settings on the broker say about its records. */
export interface TopicSettings {
  readonly topic: string
  readonly partitions: number
  /** For how many hours a record may be kept; Infinity for ever. */
  readonly recordHours: number
  /** The brokers that keep a record. */
  readonly replicas: number
  /** How many of them must have a record before it counts as sent. */
  readonly minInSync: number
}

/** A topic as it is now. */
export interface TopicState extends TopicSettings {
  /** The fewest replicas in sync that a partition has; 0 where one has no leader. */
  readonly inSync: number
  /** The settings that `plannedSettings` has. */
  readonly values: ReadonlyMap<string, string>
}

export async function readTopicSettings(admin: Admin, topics: readonly string[]): Promise<TopicState[]> {
  const type = loadKafkajs().ConfigResourceTypes.TOPIC
  const configNames = [...topicSettingNames, 'min.insync.replicas']
  const described = await admin.describeConfigs({
    resources: topics.map((name) => ({ type, name, configNames })),
    includeSynonyms: false,
  })
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] })
  return described.resources.map(({ resourceName: topic, configEntries }) => {
    const values = new Map(configEntries.map((entry) => [entry.configName, entry.configValue]))
    const retention = Number(values.get('retention.ms') ?? 0)
    const recordHours = retention < 0 ? Infinity : (retention + Number(values.get('segment.ms') ?? 0)) / HOUR_MS
    const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? []
    const replicas = Math.min(...partitions.map((partition) => partition.replicas.length))
    const inSync = Math.min(...partitions.map(({ leader, isr }) => (leader < 0 ? 0 : isr.length)))
    return {
      topic,
      partitions: partitions.length,
      recordHours,
      replicas,
      minInSync: Number(values.get('min.insync.replicas') ?? 1),
      inSync,
      values,
    }
  })
}

/** How many brokers keep a record, and how many can be away or lost, of the topic that can do with the fewest away. */
export function replicationSummary(settings: readonly TopicSettings[]): string {
  const [weakest] = settings.toSorted((one, other) => spareOf(one) - spareOf(other) || one.replicas - other.replicas)
  if (weakest === undefined) return ''
  const { topic, replicas, minInSync } = weakest
  const areAlike = settings.every((one) => one.replicas === replicas && one.minInSync === minInSync)
  const record = areAlike ? 'Each record' : `Each record of ${topic}, which is kept least safely,`
  const kept = `${record} is kept by ${brokers(replicas)}, and ${minInSync} must have it before it counts as sent`
  if (replicas === 1) return `${kept}: while that broker is away messages wait, and what it loses is lost.`
  const away = Math.max(0, spareOf(weakest))
  const goOn = `messages go on while ${away} of them ${away === 1 ? 'is' : 'are'} away`
  const works = away === 0 ? 'messages wait while any of them is away' : goOn
  const isSafe = minInSync > 1
  const survives = isSafe
    ? `no record is lost with ${brokers(minInSync - 1)}`
    : 'the loss of one can lose records (min.insync.replicas)'
  return `${kept}: ${works}, and ${survives}.`
}

const spareOf = ({ replicas, minInSync }: TopicSettings) => replicas - minInSync

const brokers = (count: number) => countOf(count, 'broker')

const topicSettingNames = ['message.timestamp.type', 'compression.type', 'retention.ms', 'segment.ms', 'max.message.bytes']

/** The settings that a topic gets when it is created. */
export function plannedSettings(topic: string, plan: TopicPlan): Readonly<Record<string, string>> {
  const entries: Record<string, string> = {
    // A message's time in a queue begins at its append time, which only the broker's clock gives.
    'message.timestamp.type': 'LogAppendTime',
    // The broker decompresses what any producer sends: kafkajs does not have every codec.
    'compression.type': 'uncompressed',
    'retention.ms': String(plan.retentionHours * HOUR_MS),
    'segment.ms': String(Math.round(segmentHours(plan.retentionHours) * HOUR_MS)),
  }
  // A dead letter is a whole record with more headers, so it is larger than its source topic allows.
  if (topic === plan.deadLetters) entries['max.message.bytes'] = '2097152'
  return entries
}

function topicConfig(topic: string, plan: TopicPlan): ITopicConfig {
  return {
    topic,
    numPartitions: plan.partitions,
    ...(plan.replicas === undefined ? {} : { replicationFactor: plan.replicas }),
    configEntries: Object.entries(plannedSettings(topic, plan)).map(([name, value]) => ({ name, value })),
  }
}
