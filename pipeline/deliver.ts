import { setImmediate as yieldToEventLoop } from 'node:timers/promises'
import type { Batch } from '../kafka/consumer.ts'
import type { Sender } from '../kafka/producer.ts'
import { countDuplicates, insertFinished } from '../sql/counters.ts'
import type { Database } from '../sql/database.ts'
import type { DeadLetter, Message, Outcome, PublishedResult } from '../sql/outcome.ts'
import type { TraceparentOf } from './headers.ts'
import { deadLetterRecords, resultRecords, sendDeadLetters, splitSent, type PendingRecords } from './publish.ts'
import type { Retry, WithServer } from './retry.ts'
import type { Route } from './route.ts'
import { deadLetterOversized, save, type Saved } from './save.ts'

/** What delivering the messages of a stage needs. */
export interface StageContext {
  readonly route: Route
  readonly database: Database
  readonly sender: Sender
  readonly traceparentOf: TraceparentOf
  /**
   * Decodes a message and runs the stage on it; a message without an answer gives a dead letter. A promise where the stage asks
   * other systems, which rejects when the signal is aborted.
   */
  readonly compute: (message: Message, signal: AbortSignal) => Outcome | Promise<Outcome>
  /** Seconds for which the process was busy since the last call. */
  readonly takeBusySeconds: () => number
  /** Called after the batch is published and before it is committed, so that a failed commit leaves nothing unmeasured. */
  readonly onPublished: (batch: PublishedBatch) => void
}

/** A batch whose records are on their topics. */
export interface PublishedBatch extends Omit<Saved, 'results'> {
  readonly results: readonly PublishedResult[]
}

/**
 * Delivers the messages of a batch, or as many as can be computed in a second. The order is the promise that nothing is lost and
 * nothing counts twice: saved before published, so that a message on a topic always has its row; published before committed,
 * so that a crash brings the batch again. A message that is delivered again finds its row, which says whether to publish it.
 * @returns how many messages are done
 */
export async function deliver(
  { messages, signal, commit }: Pick<Batch<Message>, 'messages' | 'signal' | 'commit'>,
  retry: Retry,
  context: StageContext,
): Promise<number> {
  const outcomes = await computeBatch(messages, signal, context)
  const state: BatchState = { outcomes, busySeconds: context.takeBusySeconds(), areDuplicatesTaken: false }
  context.onPublished(await retry((withServer) => saveAndPublish(state, context, withServer)))
  commit(outcomes.length)
  return outcomes.length
}

/** A computed batch and the steps of it that succeeded: the next attempt does not repeat them. */
interface BatchState {
  readonly outcomes: readonly Outcome[]
  /** Busy time and duplicates are counted at most once: an attempt that takes them and fails leaves them uncounted. */
  busySeconds: number
  areDuplicatesTaken: boolean
  saved?: Saved
  results?: PendingRecords
  oversized?: DeadLetter[]
  letters?: PendingRecords
}

/** One attempt. @throws when a server fails: the next attempt continues at the step that failed */
async function saveAndPublish(
  state: BatchState,
  { route, database, sender, traceparentOf }: StageContext,
  withServer: WithServer,
): Promise<PublishedBatch> {
  const saved = (state.saved ??= await withServer('Postgres', () => {
    const { busySeconds } = state
    state.busySeconds = 0
    return save(database, route, state.outcomes, busySeconds)
  }))
  const { redelivered, duplicates } = saved
  if (duplicates.length > 0 && !state.areDuplicatesTaken) {
    state.areDuplicatesTaken = true
    await withServer('Postgres', () => countDuplicates(database, route, duplicates))
  }
  const { records, progress, begunAt } = (state.results ??= resultRecords(saved.results, traceparentOf))
  const metadata = await withServer('Kafka', () => sender.send(route.target, records, progress))
  const { published, refused } = splitSent(saved.results, metadata, begunAt)
  if (refused.length > 0) {
    state.oversized ??= await withServer('Postgres', () => deadLetterOversized(database, route, refused))
  }
  const deadLetters = [...saved.deadLetters, ...(state.oversized ?? [])]
  const letters = (state.letters ??= deadLetterRecords(deadLetters, route, traceparentOf))
  await withServer('Kafka', () => sendDeadLetters(sender, route.deadLetters, letters))
  if (route.isLast) await withServer('Postgres', () => insertFinished(database, route, published))
  return { results: published, deadLetters, redelivered, duplicates }
}

/** A batch computes for about so long: a rebalance waits for the slowest member of a group, and removes one that is late. */
const COMPUTE_BUDGET_MS = 1000
/** Rows and records are made in memory: these bound how much of it a batch uses. A small body may have a large result. */
export const MAX_BATCH_MESSAGES = 500
const MAX_BATCH_CHARACTERS = 2_097_152
/** Between messages, a long computation yields to the event loop this often: heartbeats are sent and answers are read. */
const YIELD_EVERY_MS = 50

/**
 * Computes at least one message, and no more than time and memory allow. The outcomes are in the order of the messages. When the
 * process stops, work that asks other systems ends, and what was done before it is delivered.
 * @throws the signal's reason when it was aborted before the first message was done
 */
async function computeBatch(
  messages: readonly Message[],
  signal: AbortSignal,
  { route, compute }: StageContext,
): Promise<Outcome[]> {
  const { concurrency = 1 } = route.stage.external ?? {}
  const outcomes: Outcome[] = []
  const running = new Set<Promise<void>>()
  let characters = 0
  const begun = performance.now()
  let yielded = begun
  const put = (index: number, outcome: Outcome) => {
    outcomes[index] = outcome
    characters += 'body' in outcome ? outcome.body.length : 0
  }
  for (const [index, message] of messages.slice(0, MAX_BATCH_MESSAGES).entries()) {
    if (signal.aborted && route.stage.external !== undefined) break
    const outcome = compute(message, signal)
    if (outcome instanceof Promise) {
      // It rejects only when the signal is aborted.
      const work = outcome.then((result) => put(index, result)).catch(() => undefined)
      const done: Promise<void> = work.finally(() => running.delete(done))
      running.add(done)
      if (running.size >= concurrency) await Promise.race(running)
    } else put(index, outcome)
    const time = performance.now()
    if (time - begun > COMPUTE_BUDGET_MS || characters > MAX_BATCH_CHARACTERS) break
    if (time - yielded < YIELD_EVERY_MS) continue
    await yieldToEventLoop()
    yielded = performance.now()
  }
  await Promise.all(running)
  // Where work was ended there are gaps.
  const gap = Array.from(outcomes).indexOf(undefined as never)
  if (gap === 0 || outcomes.length === 0) throw signal.reason
  return gap === -1 ? outcomes : outcomes.slice(0, gap)
}

/**
 * Measures for how long a process has at least one batch in work.
 * @param clock monotonic, in milliseconds
 */
export function createBusyTime(clock: () => number = () => performance.now()) {
  let batches = 0
  let since = 0
  let milliseconds = 0
  const advance = (change: number) => {
    const time = clock()
    if (batches > 0) milliseconds += time - since
    since = time
    batches += change
  }
  return {
    begin: () => advance(1),
    end: () => advance(-1),
    /** Seconds since the last call. */
    takeSeconds() {
      advance(0)
      const seconds = milliseconds / 1000
      milliseconds = 0
      return seconds
    },
  }
}
