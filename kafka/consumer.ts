import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import { createBackgroundCommit, type CommitOutage } from './background-commit.ts'
import { createCoalescer } from './batch-coalescer.ts'
import type { KafkaSettings } from './settings.ts'

type BackgroundCommit = ReturnType<typeof createBackgroundCommit>

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
  /** Commits the first `done` messages, soon and in the background. */
  readonly commit: (done: number) => void
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
  readonly commitOutage: CommitOutage
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
  const { stopping, maxBatchMessages, commitOutage } = options
  const background = createBackgroundCommit(stopping, commitOutage)
  // What is sent now usually precedes the request by which kafkajs leaves the group or joins it anew; otherwise it is refused.
  const flush = () => void background.flush()
  stopping.addEventListener('abort', flush, { once: true })
  consumer.on('consumer.rebalancing', flush)
  consumer.on('consumer.group_join', background.reset)
  consumer.on('consumer.stop', background.reset)
  const eachBatch = createCoalescer({
    handle: async (payloads: readonly EachBatchPayload[]) => {
      const failure = background.failure()
      if (failure !== undefined) {
        // The member stays in the group meanwhile. The error makes kafkajs pause, or join again.
        await payloads[0]?.heartbeat()
        throw failure
      }
      await handle(payloads, background, settings, options)
      if (stopping.aborted) await background.flush()
    },
    sizeOf: ({ batch }) => batch.messages.length,
    maxSize: maxBatchMessages,
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
  background: BackgroundCommit,
  settings: KafkaSettings,
  { read, handleBatch, stopping, onBug }: ConsumeOptions<Message>,
): Promise<void> {
  const joins = background.joins()
  // One is enough: it is sent for the member, not for a partition.
  const heartbeat = async () => payloads[0]?.heartbeat()
  const heartbeats = startHeartbeats(heartbeat, settings.consumer.heartbeatInterval ?? 1000)
  const signal = AbortSignal.any([heartbeats.signal, stopping])
  try {
    let rest = takeTurns(
      payloads.map(({ batch: { topic, partition, messages } }) => messages.map((record) => read(topic, partition, record))),
    )
    const until = performance.now() + MAX_HANDLING_MS
    while (rest.length > 0 && !signal.aborted && background.joins() === joins && payloads.every(isAssigned)) {
      const messages = rest
      const commit = (done: number) => {
        // After a join another member may have the partitions, and may have committed more.
        if (background.joins() !== joins) return
        resolveOffsets(payloads, messages.slice(0, done))
        background.soon(payloads[0])
      }
      rest = rest.slice(await handleBatch({ messages, signal, lost: heartbeats.signal, commit }))
      if (performance.now() > until) break
    }
    heartbeats.signal.throwIfAborted()
  } catch (error) {
    if (signal.aborted) throw heartbeats.signal.reason ?? error
    if (error instanceof Error && !error.name.startsWith('KafkaJS')) onBug(error)
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

/** The next fetch goes on after the last of these messages in each partition. */
function resolveOffsets(payloads: readonly EachBatchPayload[], messages: readonly Position[]): void {
  for (const { batch, resolveOffset } of payloads) {
    const isOfIt = ({ topic, partition }: Position) => partition === batch.partition && topic === batch.topic
    const last = messages.findLast(isOfIt)
    if (last !== undefined) resolveOffset(last.offset)
  }
}

/** After a failed heartbeat the partition may belong to another process: then the returned signal is aborted, with kafkajs's error. */
function startHeartbeats(heartbeat: () => Promise<void>, intervalMs: number) {
  const failed = new AbortController()
  const beat = () => {
    heartbeat().catch((error: unknown) => failed.abort(error))
  }
  beat()
  // kafkajs sends a heartbeat only when its interval has passed since the last answer: a timer of the same interval is usually a
  // moment too early, and would send every second one.
  const timer = setInterval(beat, intervalMs / 4)
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
