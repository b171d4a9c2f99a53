import type { Consumer, EachBatchPayload } from 'kafkajs'
import { chunksOf } from './chunks.ts'
import type { Health } from './health.ts'
import type { KafkaSettings } from './kafka-settings.ts'
import type { Log } from './log.ts'
import { readMessage, type Message } from './message.ts'
import { createWaiting } from './patiently.ts'

/** A chunk of one partition's records, with what is needed to be done with it. */
export interface Batch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly Message[]
  /** Aborted when the partition is lost or the process stops: whoever waits for a server must give the batch up. */
  readonly signal: AbortSignal
  /** Aborted when the partition may be somebody else's: nothing more is to be done with the batch. */
  readonly lost: AbortSignal
  /** Commits the offset behind the last message. */
  readonly commit: () => Promise<void>
}

/** Rows and records are made in memory: this bounds what one batch takes. */
const MAX_BATCH_BYTES = 524_288

/**
 * Hands the records of the topics that the consumer has subscribed to to `work`, a batch at a time within a partition, several partitions side by side.
 * While `work` runs, heartbeats go on by a timer: kafkajs sends none by itself.
 * An error that is not kafkajs's own is a bug: it goes to `onBug`, and the records stay uncommitted.
 */
export async function take(
  consumer: Consumer,
  settings: KafkaSettings,
  {
    work,
    stopping,
    onBug,
  }: { work: (batch: Batch) => Promise<void>; stopping: AbortSignal; onBug: (error: Error) => void },
): Promise<void> {
  const eachBatch = async (payload: EachBatchPayload) => {
    const beating = startHeartbeats(payload.heartbeat, settings.consumer.heartbeatInterval ?? 1000)
    const signal = AbortSignal.any([beating.signal, stopping])
    try {
      for (const chunk of chunksOf(
        payload.batch.messages,
        (record) => record.value?.length ?? 0,
        MAX_BATCH_BYTES,
      )) {
        if (!payload.isRunning() || payload.isStale() || signal.aborted) break
        await work(batchOf(payload, chunk, { signal, lost: beating.signal }))
      }
      beating.signal.throwIfAborted()
    } catch (error) {
      if (signal.aborted) throw beating.signal.reason ?? error
      if (error instanceof Error && !isKafkas(error)) onBug(error)
      throw error
    } finally {
      beating.stop()
    }
  }
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 4,
    eachBatch,
  })
}

function batchOf(
  payload: EachBatchPayload,
  records: EachBatchPayload['batch']['messages'],
  signals: Pick<Batch, 'signal' | 'lost'>,
): Batch {
  const { topic, partition } = payload.batch
  const last = records.at(-1)?.offset ?? '-1'
  return {
    topic,
    partition,
    messages: records.map((record) => readMessage(topic, partition, record)),
    ...signals,
    commit: async () => {
      const offset = String(BigInt(last) + 1n)
      const committing = payload.commitOffsetsIfNecessary({
        topics: [{ topic, partitions: [{ partition, offset }] }],
      })
      await committing.catch((error: unknown) => {
        kafkas.add(Object(error))
        throw error
      })
      payload.resolveOffset(last)
    },
  }
}

/** kafkajs throws plain errors too, such as 'Broker not connected': where an error came from says whose it is. */
const kafkas = new WeakSet()

function isKafkas(error: Error): boolean {
  return error.name.startsWith('KafkaJS') || kafkas.has(error)
}

/** A heartbeat that fails says that the partition may be somebody else's: it aborts the signal with kafkajs's error. */
function startHeartbeats(heartbeat: () => Promise<void>, intervalMs: number) {
  const failed = new AbortController()
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => failed.abort(error))
  }, intervalMs)
  return { signal: failed.signal, stop: () => clearInterval(timer) }
}

/**
 * Keeps the process's health by what kafkajs says of the consumer, and settles when kafkajs gives it up for good: it
 * would stay silent, and the process would live on and do nothing.
 */
export function watch(consumer: Consumer, log: Log, health: Health): Promise<Error> {
  const kafka = createWaiting('Kafka', { log, health })
  consumer.on('consumer.fetch', () => health.progressed())
  consumer.on('consumer.heartbeat', () => {
    kafka.works()
    health.progressed()
  })
  consumer.on('consumer.group_join', ({ payload }) => {
    kafka.works()
    health.connected(true)
    log.debug({ assignment: payload.memberAssignment }, 'Joined the group')
  })
  // A broker that is frozen, or behind a network that swallows everything: the connection stays, the answers do not come.
  consumer.on('consumer.network.request_timeout', ({ payload }) => {
    kafka.failed(new Error(`no answer to ${payload.apiName} from ${payload.broker}`))
  })
  return new Promise((resolve) => {
    consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
      health.connected(false)
      kafka.failed(error)
      if (!restart) resolve(error)
    })
  })
}
