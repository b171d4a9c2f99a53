import { setImmediate as yieldToEventLoop } from 'node:timers/promises'
import type { Sender } from '../kafka/producer.ts'
import { countDuplicates, insertFinished } from '../sql/counters.ts'
import type { Database } from '../sql/database.ts'
import type { StageRows } from '../sql/results.ts'
import type { DeadLetter, Outcome } from './compute.ts'
import type { TraceparentOf } from './headers.ts'
import type { Message } from './message.ts'
import {
  deadLetterRecords,
  type PendingRecords,
  pendingRecords,
  type Published,
  publishedOf,
  resultRecords,
  sendDeadLetters,
} from './publish.ts'
import type { Retry, WithServer } from './retry.ts'
import type { Route } from './route.ts'
import { deadLetterOversized, save, type Saved } from './save.ts'

/** What delivering the messages of a stage needs. */
export interface StageContext {
  readonly route: Route
  readonly rows: StageRows
  readonly database: Database
  readonly sender: Sender
  readonly traceparentOf: TraceparentOf
  /** Decodes a message and runs the stage on it. Pure; a message without an answer gives a dead letter. */
  readonly compute: (message: Message) => Outcome
}

export interface DeliverOptions {
  readonly retry: Retry
  /** Seconds for which the process was busy since the last call. */
  readonly takeBusySeconds: () => number
  /** Called after the batch is published and before it is committed, so that a failed commit measures nothing twice. */
  readonly onPublished: (publication: Publication) => void
  /** Commits the first `done` messages. When that fails they are delivered again, which does no harm. */
  readonly commit: (done: number) => Promise<void>
}

/** A batch that is on its topics. Times in milliseconds since the epoch. */
export interface Publication extends Pick<Saved, 'redelivered' | 'duplicates'> {
  readonly results: readonly Published[]
  readonly deadLetters: readonly DeadLetter[]
}

/**
 * Delivers the messages of a batch, or as many as the batch budget allows. The order is the promise that nothing is lost and
 * nothing counts twice: saved before published, so that a message on a topic always has its row; published before committed,
 * so that a crash brings the batch again. A message that is delivered again finds its row, which says whether to publish it.
 * @returns how many messages are done
 */
export async function deliver(
  messages: readonly Message[],
  context: StageContext,
  { retry, takeBusySeconds, onPublished, commit }: DeliverOptions,
): Promise<number> {
  const outcomes = await computeBatch(messages, context.compute)
  const batch: BatchState = { outcomes, busySeconds: takeBusySeconds(), counted: new Set() }
  const publication = await retry((withServer) => saveAndPublish(batch, context, withServer))
  onPublished(publication)
  await commit(outcomes.length)
  return outcomes.length
}

/** A computed batch and the steps of it that succeeded: the next attempt does not repeat them. */
interface BatchState {
  readonly outcomes: readonly Outcome[]
  readonly busySeconds: number
  /** What an attempt has counted: it is not counted again, also when the answer was lost. */
  readonly counted: Set<'busy' | 'duplicates'>
  saved?: Saved
  results?: PendingRecords
  oversized?: DeadLetter[]
  letters?: PendingRecords
}

/** True for the first call of a batch. */
function once({ counted }: BatchState, what: 'busy' | 'duplicates'): boolean {
  if (counted.has(what)) return false
  counted.add(what)
  return true
}

/** One attempt. @throws when a server fails: the next attempt continues at the step that failed */
async function saveAndPublish(
  batch: BatchState,
  { route, rows, database, sender, traceparentOf }: StageContext,
  withServer: WithServer,
): Promise<Publication> {
  const saved = (batch.saved ??= await withServer('Postgres', () =>
    save(database, rows, batch.outcomes, once(batch, 'busy') ? batch.busySeconds : 0),
  ))
  if (saved.duplicates.length > 0 && once(batch, 'duplicates')) {
    await withServer('Postgres', () => countDuplicates(database, rows, saved.duplicates))
  }
  const results = (batch.results ??= pendingRecords((begunAt) => resultRecords(saved.results, begunAt, traceparentOf)))
  await withServer('Kafka', () => sender.send(route.target, results.records, results.progress))
  const { published, refused } = publishedOf(saved.results, results)
  if (refused.length > 0) {
    batch.oversized ??= await withServer('Postgres', () => deadLetterOversized(database, rows, refused))
  }
  const deadLetters = [...saved.deadLetters, ...(batch.oversized ?? [])]
  const letters = (batch.letters ??= pendingRecords(() => deadLetterRecords(deadLetters, route, traceparentOf)))
  await withServer('Kafka', () => sendDeadLetters(sender, route.deadLetters, letters))
  if (route.isLast) await withServer('Postgres', () => insertFinished(database, rows, published))
  const { redelivered, duplicates } = saved
  return { results: published, deadLetters, redelivered, duplicates }
}

/** A rebalance waits for the slowest member of a group, and removes one that is not done in time. */
const BATCH_BUDGET_MS = 1000
/** Rows and records are made in memory: these bound how much of it a batch uses. A small body may have a large result. */
export const MAX_BATCH_MESSAGES = 500
const MAX_BATCH_CHARACTERS = 2_097_152
/** A long computation pauses as often, so that heartbeats are sent and answers are read. */
const YIELD_EVERY_MS = 50

/** Computes at least one message, and no more than the batch budget allows. */
async function computeBatch(messages: readonly Message[], compute: StageContext['compute']): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let characters = 0
  const begun = performance.now()
  let yielded = begun
  for (const message of messages.slice(0, MAX_BATCH_MESSAGES)) {
    const outcome = compute(message)
    outcomes.push(outcome)
    characters += 'body' in outcome ? outcome.body.length : 0
    const time = performance.now()
    if (time - begun > BATCH_BUDGET_MS || characters > MAX_BATCH_CHARACTERS) break
    if (time - yielded < YIELD_EVERY_MS) continue
    await yieldToEventLoop()
    yielded = performance.now()
  }
  return outcomes
}

/** Measures for how long a process has at least one batch in work. */
export interface BusyTime {
  begin(): void
  end(): void
  /** Seconds since the last call. */
  takeSeconds(): number
}

/** @param clock monotonic, in milliseconds */
export function createBusyTime(clock: () => number = () => performance.now()): BusyTime {
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
    takeSeconds() {
      advance(0)
      const seconds = milliseconds / 1000
      milliseconds = 0
      return seconds
    },
  }
}
