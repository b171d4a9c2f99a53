import { setImmediate as yieldToEventLoop } from 'node:timers/promises'
import type { DeadLetter, Outcome } from './compute.ts'
import type { Database } from '../sql/database.ts'
import { countDuplicates } from '../sql/counters.ts'
import { insertFinished } from '../sql/finished.ts'
import type { Message } from './message.ts'
import type { Sender } from '../kafka/producer.ts'
import {
  beginSending,
  deadLetterRecords,
  publishedOf,
  resultRecords,
  sendDeadLetters,
  type Published,
  type Sending,
  type TraceparentOf,
} from './publish.ts'
import { deadLetterOversized } from '../sql/oversized.ts'
import type { StageRows } from '../sql/results.ts'
import type { UsingServer } from './retry.ts'
import type { Route } from './route.ts'
import { save, type Saved } from './save.ts'

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
  /** Makes attempts until one works. */
  readonly retry: <T>(attempt: (using: UsingServer) => Promise<T>) => Promise<T>
  /** Seconds for which the process was busy since they were counted last. */
  readonly takeBusySeconds: () => number
  /** Told what is saved and published, before it is committed: when that fails, the next delivery measures nothing again. */
  readonly onPublished: (publication: Publication) => void
  /** Tells the broker that so many of the messages are done. When that fails they come again, which does no harm. */
  readonly commit: (done: number) => Promise<void>
}

/** What is on the topics after a batch. Times in milliseconds since the epoch. */
export interface Publication extends Pick<Saved, 'redelivered' | 'duplicates'> {
  readonly results: readonly Published[]
  readonly deadLetters: readonly DeadLetter[]
}

/**
 * The messages of a batch, or as many as the batch budget allows, through one stage. The order is the promise that nothing
 * is lost and nothing counts twice: saved before published, so that a message on a topic always has its row; published
 * before committed, so that a crash brings the batch again and not its loss. What comes again finds its row, which says
 * whether to send it once more.
 * @returns how many messages are done
 */
export async function deliver(
  messages: readonly Message[],
  context: StageContext,
  { retry, takeBusySeconds, onPublished, commit }: DeliverOptions,
): Promise<number> {
  const outcomes = await computeBatch(messages, context.compute)
  const busySeconds = takeBusySeconds()
  const progress: Progress = { counted: new Set() }
  const publication = await retry((using) =>
    saveAndPublish({ outcomes, busySeconds, progress }, context, using),
  )
  onPublished(publication)
  await commit(outcomes.length)
  return outcomes.length
}

/** Steps of a batch that worked: the next attempt does not make them again. */
interface Progress {
  /** What was counted, or tried to: when the answer is lost, it is not counted twice. */
  readonly counted: Set<'busy' | 'duplicates'>
  saved?: Saved
  results?: Sending
  oversized?: DeadLetter[]
  letters?: Sending
}

interface Work {
  readonly outcomes: readonly Outcome[]
  readonly busySeconds: number
  readonly progress: Progress
}

/** Whether this is asked for the first time. */
function once({ counted }: Progress, what: 'busy' | 'duplicates'): boolean {
  return counted.size < counted.add(what).size
}

/** One attempt. @throws when a server fails: the next attempt goes on where this one ended */
async function saveAndPublish(
  { outcomes, busySeconds, progress }: Work,
  { route, rows, database, sender, traceparentOf }: StageContext,
  using: UsingServer,
): Promise<Publication> {
  const saved = (progress.saved ??= await using('Postgres', () =>
    save(database, rows, outcomes, once(progress, 'busy') ? busySeconds : 0),
  ))
  if (saved.duplicates.length > 0 && once(progress, 'duplicates')) {
    await using('Postgres', () => countDuplicates(database, rows, saved.duplicates))
  }
  const results = (progress.results ??= beginSending((begunAt) =>
    resultRecords(saved.results, begunAt, traceparentOf),
  ))
  await using('Kafka', () => sender.send(route.target, results.records, results.progress))
  const { published, refused } = publishedOf(saved.results, results)
  if (refused.length > 0) {
    progress.oversized ??= await using('Postgres', () => deadLetterOversized(database, rows, refused))
  }
  const deadLetters = [...saved.deadLetters, ...(progress.oversized ?? [])]
  const letters = (progress.letters ??= beginSending(() =>
    deadLetterRecords(deadLetters, route, traceparentOf),
  ))
  await using('Kafka', () => sendDeadLetters(sender, route.deadLetters, letters))
  if (route.isLast) await using('Postgres', () => insertFinished(database, rows, published))
  const { redelivered, duplicates } = saved
  return { results: published, deadLetters, redelivered, duplicates }
}

/** A group waits for its slowest member when it rebalances, and drops one that is not done in time. */
const BATCH_BUDGET_MS = 1000
/** Rows and records are made in memory: these bound what a stage takes. A small body may have a large result. */
export const MAX_BATCH_MESSAGES = 500
const MAX_BATCH_CHARACTERS = 2_097_152
/** Between two pauses of a long computation, in which heartbeats are sent and answers are read. */
const YIELD_EVERY_MS = 50

/** Computes at least one, and no more than the batch budget allows. */
async function computeBatch(
  messages: readonly Message[],
  compute: StageContext['compute'],
): Promise<Outcome[]> {
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
