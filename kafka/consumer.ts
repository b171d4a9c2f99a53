import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import { createCoalescer } from './batch-coalescer.ts'
import type { KafkaSettings } from './settings.ts'
import type { OutageTracker } from '../pipeline/retry.ts'
import type { ProcessContext } from '../pipeline/process-context.ts'
import { timeouts, within } from '../telemetry/timeouts.ts'

/** Where a message is. */
interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

/** Messages of one or more partitions, in order within each, and how to commit them. */
export interface Batch<Message extends Position> {
  readonly messages: readonly Message[]
  /** Aborted when the partitions are lost or the process stops: a wait for a server ends, and the batch is given up. */
  readonly signal: AbortSignal
  /** Aborted when the partitions may belong to another process: nothing more is to be done with the batch. */
  readonly lost: AbortSignal
  /** Commits the offset behind the first `done` messages. */
  readonly commit: (done: number) => Promise<void>
}

export interface ConsumeOptions<Message extends Position> {
  readonly read: (topic: string, partition: number, record: KafkaMessage) => Message
  /** Handles the first messages of a batch, one at least, and says how many. It is called again for the rest. */
  readonly handleBatch: (batch: Batch<Message>) => Promise<number>
  /** Messages that are handled together, when they come from several partitions. */
  readonly maxBatchMessages: number
  readonly stopping: AbortSignal
  /** An error that is not kafkajs's own is a bug. The records stay uncommitted. */
  readonly onBug: (error: Error) => void
}

/**
 * Hands the records of the subscribed topics to `handleBatch`, in order within a partition. Small batches of several
 * partitions are coalesced, since a batch costs as much as some dozen messages. While a batch is handled, heartbeats go on by
 * a timer: kafkajs sends none by itself. Resolves when the group is joined.
 */
export async function consume<Message extends Position>(
  consumer: Consumer,
  settings: KafkaSettings,
  options: ConsumeOptions<Message>,
): Promise<void> {
  // While one batch is computed another is saved or sent; more would only hold more in memory.
  const eachBatch = createCoalescer({
    handle: (payloads: readonly EachBatchPayload[]) => handle(payloads, settings, options),
    sizeOf: ({ batch }) => batch.messages.length,
    maxSize: options.maxBatchMessages,
    concurrency: 2,
  })
  // Not how many batches are handled at once, but how many can be coalesced.
  const partitionsConsumedConcurrently = 16
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently,
    eachBatch,
  })
}

async function handle<Message extends Position>(
  payloads: readonly EachBatchPayload[],
  settings: KafkaSettings,
  { read, handleBatch, stopping, onBug }: ConsumeOptions<Message>,
): Promise<void> {
  const heartbeat = async () => payloads[0]?.heartbeat()
  const heartbeats = startHeartbeats(heartbeat, settings.consumer.heartbeatInterval ?? 1000)
  const signal = AbortSignal.any([heartbeats.signal, stopping])
  try {
    let rest = payloads.flatMap(({ batch: { topic, partition, messages } }) =>
      messages.map((record) => read(topic, partition, record)),
    )
    while (rest.length > 0 && !signal.aborted && payloads.every(isAssigned)) {
      const done = await handleBatch(batchOf(payloads, rest, { signal, lost: heartbeats.signal }))
      rest = rest.slice(done)
    }
    heartbeats.signal.throwIfAborted()
  } catch (error) {
    if (signal.aborted) throw heartbeats.signal.reason ?? error
    if (error instanceof Error && !isFromKafkajs(error)) onBug(error)
    throw error
  } finally {
    heartbeats.stop()
  }
}

const isAssigned = ({ isRunning, isStale }: EachBatchPayload) => isRunning() && !isStale()

function batchOf<Message extends Position>(
  payloads: readonly EachBatchPayload[],
  messages: readonly Message[],
  signals: Pick<Batch<Message>, 'signal' | 'lost'>,
): Batch<Message> {
  const commit = async (done: number) => {
    const reached = payloads.flatMap((payload) => reachedIn(payload, messages, done))
    const [first] = reached
    if (first === undefined) throw new RangeError(`${done} of ${messages.length} messages cannot be done`)
    const byTopic = Map.groupBy(reached, ({ payload }) => payload.batch.topic)
    const topics = [...byTopic].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(offsetOf),
    }))
    const committing = first.payload.commitOffsetsIfNecessary({ topics })
    await within(timeouts.commit, 'OffsetCommit', committing).catch((error: unknown) => {
      kafkajsErrors.add(Object(error))
      throw error
    })
    for (const { payload, last } of reached) payload.resolveOffset(last)
  }
  return { messages, ...signals, commit }
}

/** The part of one partition in a batch, with the offset of the last message that is done. */
interface Reached {
  readonly payload: EachBatchPayload
  readonly last: string
}

const offsetOf = ({ payload, last }: Reached) => ({
  partition: payload.batch.partition,
  offset: String(BigInt(last) + 1n),
})

/** How far a partition is when so many of the messages are done; nothing when none of them is of this partition. */
function reachedIn(payload: EachBatchPayload, messages: readonly Position[], done: number): Reached[] {
  const { batch } = payload
  const isOfIt = ({ topic, partition }: Position) => partition === batch.partition && topic === batch.topic
  const message = messages.findLast((one, index) => index < done && isOfIt(one))
  if (message === undefined) return []
  // Behind the last message there may be control records, such as the end of a transaction: they would wait for ever.
  const isWhole = !messages.some((one, index) => index >= done && isOfIt(one))
  return [{ payload, last: isWhole ? batch.lastOffset() : message.offset }]
}

/** kafkajs throws plain errors too, such as 'Broker not connected': where an error came from says whose it is. */
const kafkajsErrors = new WeakSet()

function isFromKafkajs(error: Error): boolean {
  return error.name.startsWith('KafkaJS') || kafkajsErrors.has(error)
}

/** A heartbeat that fails says that the partition may belong to another process: it aborts the signal with kafkajs's error. */
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
 * Keeps the process's health by the consumer's events, and settles when kafkajs gives the consumer up for good: it would
 * stay silent, and the process would live on and do nothing.
 * @param kafka the outage of Kafka at the start, if any: Kafka works again when the group is joined
 */
export function watchConsumer(
  consumer: Consumer,
  { log, health, observer }: Pick<ProcessContext, 'log' | 'health' | 'observer'>,
  kafka: OutageTracker,
): Promise<Error> {
  consumer.on('consumer.fetch', () => health.progressed())
  consumer.on('consumer.heartbeat', () => {
    kafka.works()
    health.progressed()
  })
  // Control records come to no handler, such as those of a transaction that was given up: they are committed here.
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
  // A broker that is frozen, or behind a network that drops everything: the connection stays, the answers do not come.
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
