import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'
import type { Log } from '../telemetry/log.ts'
import { patchKafkajs } from './patches/index.ts'
import type { KafkaSettings } from './settings.ts'

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
