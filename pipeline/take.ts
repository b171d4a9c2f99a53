import type { Consumer, EachBatchPayload } from 'kafkajs'
import { createGathering } from './gather.ts'
import type { KafkaSettings } from './kafka-settings.ts'
import { readMessage, type Message } from './message.ts'
import { createWaiting, type Waiting } from './patiently.ts'
import { MOMENT_MESSAGES } from './run-stage.ts'
import type { Surroundings } from './surroundings.ts'

/** What some partitions have, one partition after the other, and what is needed to be done with it. */
export interface Batch {
  readonly messages: readonly Message[]
  /** Aborted when the partitions are lost or the process stops: whoever waits for a server must give the batch up. */
  readonly signal: AbortSignal
  /** Aborted when the partitions may be somebody else's: nothing more is to be done with the batch. */
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
 * Hands the records of the topic that the consumer has subscribed to to `work`, in order within a partition. What the
 * partitions have is done together while it is little, since a batch costs as much as some dozen messages. While `work`
 * runs, heartbeats go on by a timer: kafkajs sends none by itself.
 */
export async function take(consumer: Consumer, settings: KafkaSettings, taking: Taking): Promise<void> {
  const { work, stopping, onBug } = taking
  const workOn = async (payloads: readonly EachBatchPayload[]) => {
    const heartbeat = async () => payloads[0]?.heartbeat()
    const beating = startHeartbeats(heartbeat, settings.consumer.heartbeatInterval ?? 1000)
    const signal = AbortSignal.any([beating.signal, stopping])
    let rest = payloads.flatMap(messagesOf)
    try {
      while (rest.length > 0 && !signal.aborted && payloads.every(isWanted)) {
        const done = await work(batchOf(payloads, rest, { signal, lost: beating.signal }))
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
  // One lot computes while another is saved or sent; more would only have more in memory. Two that wait for a server hold
  // up the others, which would mostly wait for the same one.
  const sizeOf = ({ batch }: EachBatchPayload) => batch.messages.length
  const eachBatch = createGathering({ work: workOn, sizeOf, most: MOMENT_MESSAGES, atOnce: 2 })
  // Not how many are done at once, but how many can be gathered.
  const partitionsConsumedConcurrently = 16
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently,
    eachBatch,
  })
}

function messagesOf({ batch: { topic, partition, messages } }: EachBatchPayload): Message[] {
  return messages.map((record) => readMessage(topic, partition, record))
}

const isWanted = ({ isRunning, isStale }: EachBatchPayload) => isRunning() && !isStale()

/** The part of one partition in a batch: the offset of the last message that is done. */
interface Reached {
  readonly payload: EachBatchPayload
  readonly last: string
}

function batchOf(
  payloads: readonly EachBatchPayload[],
  messages: readonly Message[],
  signals: Pick<Batch, 'signal' | 'lost'>,
): Batch {
  const commit = async (done: number) => {
    const reached = payloads.flatMap((payload) => reachedIn(payload, messages, done))
    const [first] = reached
    if (first === undefined) throw new RangeError(`${done} of ${messages.length} messages cannot be done`)
    const partitions = reached.map(({ payload, last }) => ({
      partition: payload.batch.partition,
      offset: String(BigInt(last) + 1n),
    }))
    const { batch, commitOffsetsIfNecessary } = first.payload
    const committing = commitOffsetsIfNecessary({ topics: [{ topic: batch.topic, partitions }] })
    await committing.catch((error: unknown) => {
      kafkas.add(Object(error))
      throw error
    })
    for (const { payload, last } of reached) payload.resolveOffset(last)
  }
  return { messages, ...signals, commit }
}

/** How far a partition is when so many of the messages are done; nothing when none of them is of this partition. */
function reachedIn(payload: EachBatchPayload, messages: readonly Message[], done: number): Reached[] {
  const { batch } = payload
  const isOfIt = ({ partition }: Message) => partition === batch.partition
  const message = messages.findLast((one, index) => index < done && isOfIt(one))
  if (message === undefined) return []
  // Behind the last message there may be what is none, such as the end of a transaction: it would wait for ever.
  const isWhole = !messages.some((one, index) => index >= done && isOfIt(one))
  return [{ payload, last: isWhole ? batch.lastOffset() : message.offset }]
}

/** kafkajs throws plain errors too, such as 'Broker not connected': where an error came from says whose it is. */
const kafkas = new WeakSet()

function isKafkas(error: Error): boolean {
  return error.name.startsWith('KafkaJS') || kafkas.has(error)
}

/** A heartbeat that fails says that the partition may be somebody else's: it aborts the signal with kafkajs's error. */
function startHeartbeats(heartbeat: () => Promise<void>, intervalMs: number) {
  const failed = new AbortController()
  const beat = () => {
    heartbeat().catch((error: unknown) => failed.abort(error))
  }
  beat()
  const timer = setInterval(beat, intervalMs)
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
