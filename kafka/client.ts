import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'
import { patchKafkajs } from './patches/index.ts'
import type { KafkaSettings } from './settings.ts'
import type { Log } from '../telemetry/log.ts'

const require = createRequire(import.meta.url)

/** Loaded when it is needed: after the patches, and after the tracing that wraps it. */
export function loadKafkajs(): typeof Kafkajs {
  patchKafkajs()
  return require('kafkajs') as typeof Kafkajs
}

/**
 * The one place where kafkajs is loaded. What it says of itself goes to our log as debug: what matters of it, a crash or a
 * server that is away, is said once where it is waited for.
 */
export function createKafka(settings: KafkaSettings, log: Log): Kafkajs.Kafka {
  const { Kafka, logLevel } = loadKafkajs()
  const say = ({ namespace, log: { message, ...details } }: Kafkajs.LogEntry) =>
    log.debug({ kafkajs: namespace, ...details }, message)
  return new Kafka({ ...settings.client, logLevel: logLevel.WARN, logCreator: () => say })
}

/** The partitions of a topic that a member of a consumer group takes from; none while the group is rebalancing. */
export function assignedPartitions(memberAssignment: Buffer, topic: string): readonly number[] {
  if (memberAssignment.length === 0) return []
  const { AssignerProtocol } = loadKafkajs()
  return AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? []
}
