import type { Consumer, EachBatchPayload } from 'kafkajs'
import type { KafkaSettings } from './kafka-settings.ts'
import { readMessage, type Message } from './message.ts'
import { createWaiting, type Waiting } from './patiently.ts'
import type { Surroundings } from './surroundings.ts'

/** What one partition has, and what is needed to be done with it. */
export interface Batch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly Message[]
  /** Aborted when the partition is lost or the process stops: whoever waits for a server must give the batch up. */
  readonly signal: AbortSignal
  /** Aborted when the partition may be somebody else's: nothing more is to be done with the batch. */
  readonly lost: AbortSignal
  /** Commits the offset behind the first `done` messages. */
  readonly commit: (done: number) => Promise<void>
}

export interface Taking {
  /** Does the first messages of a batch, one at least, and says how many. It is asked again for the rest. */
  readonly work: (batch: Batch) => Promise<number>
  readonly stopping: AbortSignal
  /** An error that is not kafkajs's own is a bug. The records stay uncommitted. */
  readonly onBug: (error: Error) => void
}

/**
 * Hands the records of the topics that the consumer has subscribed to to `work`, in order within a partition, several
 * partitions side by side. While `work` runs, heartbeats go on by a timer: kafkajs sends none by itself.
 */
export async function take(consumer: Consumer, settings: KafkaSettings, taking: Taking): Promise<void> {
  const { work, stopping, onBug } = taking
  const eachBatch = async (payload: EachBatchPayload) => {
    // It may have waited behind other partitions for so long that the group has moved on.
    await payload.heartbeat()
    const beating = startHeartbeats(payload.heartbeat, settings.consumer.heartbeatInterval ?? 1000)
    const signal = AbortSignal.any([beating.signal, stopping])
    const { topic, partition } = payload.batch
    let rest = payload.batch.messages.map((record) => readMessage(topic, partition, record))
    try {
      while (rest.length > 0 && payload.isRunning() && !payload.isStale() && !signal.aborted) {
        const done = await work(batchOf(payload, rest, { signal, lost: beating.signal }))
        rest = rest.slice(done)
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
  // One computes while another is saved or sent; more would only have more in memory. Two that wait for a server hold up
  // the others, which would mostly wait for the same one.
  const partitionsConsumedConcurrently = 2
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently,
    eachBatch,
  })
}

function batchOf(
  { batch, commitOffsetsIfNecessary, resolveOffset }: EachBatchPayload,
  messages: readonly Message[],
  signals: Pick<Batch, 'signal' | 'lost'>,
): Batch {
  const { topic, partition } = batch
  const commit = async (done: number) => {
    // Behind the last message there may be what is none, such as the end of a transaction: it would wait for ever.
    const last = done === messages.length ? batch.lastOffset() : messages[done - 1]?.offset
    if (last === undefined) throw new RangeError(`${done} of ${messages.length} messages cannot be done`)
    const offset = String(BigInt(last) + 1n)
    const committing = commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] })
    await committing.catch((error: unknown) => {
      kafkas.add(Object(error))
      throw error
    })
    resolveOffset(last)
  }
  return { topic, partition, messages, ...signals, commit }
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
 * @param kafka who has waited for Kafka until now, if anybody has: it works when the group is joined
 */
export function watch(
  consumer: Consumer,
  { log, health, observer }: Pick<Surroundings, 'log' | 'health' | 'observer'>,
  kafka: Waiting = createWaiting('Kafka', { log, health }),
): Promise<Error> {
  consumer.on('consumer.fetch', () => health.progressed())
  consumer.on('consumer.heartbeat', () => {
    kafka.works()
    health.progressed()
  })
  // Records that are no messages come to nobody, such as those of a transaction that was given up: they are done.
  consumer.on('consumer.end_batch_process', ({ payload: { batchSize, topic, partition, lastOffset } }) => {
    const offset = String(BigInt(lastOffset) + 1n)
    if (batchSize === 0) consumer.commitOffsets([{ topic, partition, offset }]).catch(kafka.failed)
  })
  consumer.on('consumer.group_join', ({ payload }) => {
    kafka.works()
    health.connected(true)
    observer.rebalanced()
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
