import { createRequire } from 'node:module'
import { Kafka, logLevel, type LogEntry } from 'kafkajs'
import type { KafkaSettings } from './kafka-settings.ts'
import type { Log } from './log.ts'

/**
 * The one place where kafkajs is loaded. What it says of itself goes to our log as debug: what matters of it, a crash or a
 * server that is away, is said once by whoever waits for it.
 */
export function createKafka(settings: KafkaSettings, log: Log): Kafka {
  mendIdleTimer()
  const say = ({ namespace, log: { message, ...details } }: LogEntry) =>
    log.debug({ kafkajs: namespace, ...details }, message)
  return new Kafka({ ...settings.client, logLevel: logLevel.WARN, logCreator: () => say })
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

let mended = false

/**
 * kafkajs 2.2.4 wakes up every millisecond for every connection, for ever, to look at a queue that is empty: 3 to 6 % of
 * a core in an idle process (tulios/kafkajs#1556, #1704). It is enough to look when there is something in it.
 */
function mendIdleTimer(): void {
  if (mended) return
  mended = true
  const require = createRequire(import.meta.url)
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const original = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue) {
    if (this.pending.length > 0) original.call(this)
  }
}
