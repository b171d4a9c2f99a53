import { createRequire } from 'node:module'
import { AssignerProtocol, Kafka, logLevel, type LogEntry } from 'kafkajs'
import type { KafkaSettings } from './kafka-settings.ts'
import type { Log } from './log.ts'

/**
 * The one place where kafkajs is loaded. What it says of itself goes to our log as debug: what matters of it, a crash or a
 * server that is away, is said once by whoever waits for it.
 */
export function createKafka(settings: KafkaSettings, log: Log): Kafka {
  mend()
  const say = ({ namespace, log: { message, ...details } }: LogEntry) =>
    log.debug({ kafkajs: namespace, ...details }, message)
  return new Kafka({ ...settings.client, logLevel: logLevel.WARN, logCreator: () => say })
}

/** The partitions of a topic that a member of a consumer group takes from; none while the group is rebalancing. */
export function assignedPartitions(memberAssignment: Buffer, topic: string): readonly number[] {
  if (memberAssignment.length === 0) return []
  return AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? []
}

const require = createRequire(import.meta.url)

let isMended = false

/** What has to be changed in kafkajs 2.2.4 itself, which nobody releases any more. */
function mend(): void {
  if (isMended) return
  isMended = true
  mendIdleTimer()
  mendCoordinatorSearch()
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/**
 * kafkajs wakes up every millisecond for every connection, for ever, to look at a queue that is empty: 3 to 6 % of
 * a core in an idle process (tulios/kafkajs#1556, #1704). It is enough to look when there is something in it.
 */
function mendIdleTimer(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this)
  }
}

interface Cluster {
  findGroupCoordinatorMetadata(group: unknown): Promise<unknown>
}

/**
 * A broker that goes away while a consumer looks for its group's coordinator makes kafkajs give up the consumer for
 * good: it calls the error one that will not pass. It passes like any other outage.
 */
function mendCoordinatorSearch(): void {
  const { prototype } = require('kafkajs/src/cluster') as { prototype: Cluster }
  const original = prototype.findGroupCoordinatorMetadata
  prototype.findGroupCoordinatorMetadata = async function find(this: Cluster, group: unknown) {
    try {
      return await original.call(this, group)
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound') {
        Object.assign(error, { retriable: true })
      }
      throw error
    }
  }
}
