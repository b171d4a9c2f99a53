import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import { timeouts, within } from '../telemetry/timeouts.ts'
import { createCoalescer } from './batch-coalescer.ts'
import type { KafkaSettings } from './settings.ts'

/** The place of a message on the broker. */
interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

/** A batch: messages from one or more partitions, in order within each, and how to commit it. */
export interface Batch<Message extends Position> {
  readonly messages: readonly Message[]
  /** Aborted when the partitions are lost or the process stops: waits end. On a stop the attempt under way is still finished. */
  readonly signal: AbortSignal
  /** Aborted when the partitions may belong to another process: no further step may be made. */
  readonly lost: AbortSignal
  /** Commits the first `done` messages. */
  readonly commit: (done: number) => Promise<void>
}

interface ConsumeOptions<Message extends Position> {
  readonly read: (topic: string, partition: number, record: KafkaMessage) => Message
  /** Handles the first messages of a batch, one at least, and returns how many. It is called again for the rest. */
  readonly handleBatch: (batch: Batch<Message>) => Promise<number>
  /** The most messages of several partitions that are coalesced into one batch. */
  readonly maxBatchMessages: number
  readonly stopping: AbortSignal
  /** Called with an error that is not kafkajs's own. The records stay uncommitted. */
  readonly onBug: (error: Error) => void
}

/**
 * A call of `handle` ends with the batch that passes this time, in milliseconds, and kafkajs fetches the rest again. Without the
 * limit, a slow stage would delay new messages of other partitions, because kafkajs fetches only when all of the previous fetch
 * is handled. Two calls run at a time, and a partition with more messages than are coalesced has a call of its own, so the next
 * fetch comes later the more such partitions there are.
 */
const MAX_HANDLING_MS = 2000

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
  const eachBatch = createCoalescer({
    handle: (payloads: readonly EachBatchPayload[]) => handle(payloads, settings, options),
    sizeOf: ({ batch }) => batch.messages.length,
    maxSize: options.maxBatchMessages,
    // While one batch is computed another is saved or sent; more would only use more memory.
    concurrency: 2,
  })
  // How many batches of kafkajs can be coalesced.
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
  // One is enough: it is sent for the member, not for a partition.
  const heartbeat = async () => payloads[0]?.heartbeat()
  const heartbeats = startHeartbeats(heartbeat, settings.consumer.heartbeatInterval ?? 1000)
  const signal = AbortSignal.any([heartbeats.signal, stopping])
  try {
    let rest = takeTurns(
      payloads.map(({ batch: { topic, partition, messages } }) => messages.map((record) => read(topic, partition, record))),
    )
    const until = performance.now() + MAX_HANDLING_MS
    while (rest.length > 0 && !signal.aborted && payloads.every(isAssigned)) {
      const done = await handleBatch(batchOf(payloads, rest, { signal, lost: heartbeats.signal }))
      rest = rest.slice(done)
      if (performance.now() > until) break
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

/** The first messages of all partitions, then the second ones, and so on: in a slow stage no partition waits for the whole of another. */
function takeTurns<Message extends object>(partitions: readonly (readonly Message[])[]): Message[] {
  const longest = Math.max(...partitions.map(({ length }) => length))
  const turns = Array.from({ length: longest }, (_, turn) => partitions.map((messages) => messages[turn]))
  return turns.flat().filter((message) => message !== undefined)
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
    if (first === undefined) throw new RangeError(`Cannot commit ${done} of ${messages.length} messages`)
    const byTopic = Map.groupBy(reached, ({ payload }) => payload.batch.topic)
    const topics = [...byTopic].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(offsetOf),
    }))
    const committing = first.payload.commitOffsetsIfNecessary({ topics })
    await within(timeouts.commit, 'OffsetCommit', committing).catch((error: unknown) => {
      commitErrors.add(Object(error))
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

/** How far a partition is when the first `done` messages are done; empty when none of them is of this partition. */
function reachedIn(payload: EachBatchPayload, messages: readonly Position[], done: number): Reached[] {
  const { batch } = payload
  const isOfIt = ({ topic, partition }: Position) => partition === batch.partition && topic === batch.topic
  const message = messages.findLast((one, index) => index < done && isOfIt(one))
  if (message === undefined) return []
  // After the last message there may be control records, such as the end of a transaction, that only lastOffset covers.
  const isWhole = !messages.some((one, index) => index >= done && isOfIt(one))
  return [{ payload, last: isWhole ? batch.lastOffset() : message.offset }]
}

/** Errors of a commit are no bugs: plain errors of kafkajs, such as 'Broker not connected', and the timeout. */
const commitErrors = new WeakSet()

function isFromKafkajs(error: Error): boolean {
  return error.name.startsWith('KafkaJS') || commitErrors.has(error)
}

/** After a failed heartbeat the partition may belong to another process: then the returned signal is aborted, with kafkajs's error. */
function startHeartbeats(heartbeat: () => Promise<void>, intervalMs: number) {
  const failed = new AbortController()
  const beat = () => {
    heartbeat().catch((error: unknown) => failed.abort(error))
  }
  beat()
  const timer = setInterval(beat, intervalMs)
  return { signal: failed.signal, stop: () => clearInterval(timer) }
}

export interface WatchOptions {
  readonly log: Log
  readonly health: Health
  /** Kafka works again when the group is joined or a heartbeat is answered. */
  readonly outage: { failed(error: Error): void; recovered(): void }
  readonly onRebalance: () => void
}

/**
 * Updates the process's health by the consumer's events. Resolves when kafkajs gives the consumer up for good: it does so
 * silently, and the process would stay alive without work.
 */
export function watchConsumer(consumer: Consumer, { log, health, outage, onRebalance }: WatchOptions): Promise<Error> {
  consumer.on('consumer.fetch', () => health.progressed())
  consumer.on('consumer.heartbeat', () => {
    outage.recovered()
    health.progressed()
  })
  // Batches of control records only, such as the end of an aborted transaction, reach no handler: they are committed here.
  consumer.on('consumer.end_batch_process', ({ payload: { batchSize, topic, partition, lastOffset } }) => {
    const offset = String(BigInt(lastOffset) + 1n)
    if (batchSize === 0) consumer.commitOffsets([{ topic, partition, offset }]).catch(outage.failed)
  })
  consumer.on('consumer.group_join', ({ payload }) => {
    outage.recovered()
    health.connected(true)
    onRebalance()
    log.debug({ assignment: payload.memberAssignment }, 'Joined the group')
  })
  // A frozen broker, or a network that drops all packets: connections stay open without answers.
  consumer.on('consumer.network.request_timeout', ({ payload }) => {
    outage.failed(new Error(`no answer to ${payload.apiName} from ${payload.broker}`))
  })
  return new Promise((resolve) => {
    consumer.on('consumer.crash', ({ payload: { error, restart } }) => {
      health.connected(false)
      outage.failed(error)
      if (!restart) resolve(error)
    })
  })
}
