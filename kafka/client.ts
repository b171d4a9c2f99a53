import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'
import type { Log } from '../telemetry/log.ts'
import { patchKafkajs } from './patches/index.ts'
import { METADATA_MAX_AGE, type KafkaSettings } from './settings.ts'

// Only kafka/ imports kafkajs.
export type {
  Admin,
  Consumer,
  EachBatchPayload,
  IHeaders,
  ISocketFactory,
  Kafka,
  KafkaMessage,
  PartitionAssigner,
  Producer,
  ProducerConfig,
} from 'kafkajs'

const require = createRequire(import.meta.url)

/** Loads kafkajs at the first call: after its patches, and after the instrumentation that wraps it where messages enter. */
export function loadKafkajs(): typeof Kafkajs {
  patchKafkajs()
  return require('kafkajs') as typeof Kafkajs
}

/** kafkajs logs at level debug here: crashes and outages are logged once by `watchConsumer` and the retries. */
export function createKafka(settings: KafkaSettings, log: Log): Kafkajs.Kafka {
  const { Kafka, logLevel } = loadKafkajs()
  const say = ({ namespace, log: { message, ...details } }: Kafkajs.LogEntry) =>
    log.debug({ kafkajs: namespace, ...details }, message)
  return new Kafka({ ...settings.client, logLevel: logLevel.WARN, logCreator: () => say })
}

/** The partitions of a topic that are assigned to a member of a consumer group; none while the group is rebalancing. */
export function assignedPartitions(memberAssignment: Buffer, topic: string): readonly number[] {
  if (memberAssignment.length === 0) return []
  const { AssignerProtocol } = loadKafkajs()
  return AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? []
}

/** The internal class on which kafkajs 2.2.4 builds consumers and admins. Its public API reads no record without a group. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>
  findBroker(node: { nodeId: string }): Promise<Broker>
}

interface Broker {
  fetch(request: object): Promise<{
    responses: { partitions: { messages: Kafkajs.KafkaMessage[] }[] }[]
  }>
}

export function createCluster(kafka: Kafkajs.Kafka): Cluster {
  return clusterFactory(kafka).create({ metadataMaxAge: METADATA_MAX_AGE, allowAutoTopicCreation: false }) as Cluster
}

/** An admin that finds new partitions within half a minute; kafkajs's own takes five minutes, without a setting for it. */
export function createAdmin(kafka: Kafkajs.Kafka): Kafkajs.Admin {
  const { key, create } = clusterFactory(kafka)
  const value = (options: object) => create({ ...options, metadataMaxAge: METADATA_MAX_AGE })
  return (Object.create(kafka, { [key]: { value } }) as Kafkajs.Kafka).admin()
}

function clusterFactory(kafka: Kafkajs.Kafka) {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith(':createCluster'))
  const create: unknown = key && Reflect.get(kafka, key)
  if (key === undefined || typeof create !== 'function') throw new TypeError('This is not kafkajs 2.2.4')
  return { key, create: (options: object): unknown => Reflect.apply(create, kafka, [options]) }
}
