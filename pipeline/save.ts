import { isDeadLetter, type DeadLetter, type Outcome, type Result } from './compute.ts'
import { isContentError, type Database } from '../sql/database.ts'
import type { Message } from './message.ts'
import { insertResults, type StageRows } from '../sql/results.ts'
import { selectResults, type ResultRow } from '../sql/saved-results.ts'

/** A result as its row has it. */
export type SavedResult = Omit<Result, 'numbers' | 'result'>

/** What is in the database after a batch, and so what has to be on the topics. */
export interface Saved {
  /** To be sent on, each with the body that its row holds. */
  readonly results: readonly SavedResult[]
  /** To be sent to the topic of the dead letters. */
  readonly deadLetters: readonly DeadLetter[]
  /** Those of the above whose row another delivery had written, before a crash or a rebalance. */
  readonly redelivered: ReadonlySet<Message>
  /** Messages whose row came from another offset: the record there is sent on, this one is dropped. */
  readonly duplicates: readonly Message[]
}

/**
 * Saves a batch and says what is to be sent. The rule that makes a message pass exactly once: an id that is new is saved
 * and sent; one whose row came from the same offset is a redelivery, which may not have been sent yet, and is sent as
 * the row has it; one whose row came from another offset is a duplicate, and is dropped.
 *
 * A batch that Postgres refuses for its content is halved until the record is found: that one is a dead letter.
 * @throws any other error of Postgres or the network: trying again may help
 */
export async function save(
  database: Database,
  rows: StageRows,
  outcomes: readonly Outcome[],
  busySeconds = 0,
): Promise<Saved> {
  try {
    if (await insertResults(database, rows, outcomes, busySeconds)) return savedAsNew(outcomes)
    return await savedByRows(database, rows, outcomes)
  } catch (error) {
    const [first, ...others] = outcomes
    if (!isContentError(error) || first === undefined) throw error
    if (others.length === 0) {
      if (isDeadLetter(first)) throw error
      return await save(database, rows, [rejected(first, error)], busySeconds)
    }
    const half = Math.ceil(outcomes.length / 2)
    return merge(
      await save(database, rows, outcomes.slice(0, half), busySeconds),
      await save(database, rows, outcomes.slice(half)),
    )
  }
}

const isResult = (outcome: Outcome): outcome is Result => !isDeadLetter(outcome)

function savedAsNew(outcomes: readonly Outcome[]): Saved {
  return {
    results: outcomes.filter(isResult),
    deadLetters: outcomes.filter(isDeadLetter),
    redelivered: new Set(),
    duplicates: [],
  }
}

/** Decides by the rows what each message of the batch is. */
async function savedByRows(
  database: Database,
  rows: StageRows,
  outcomes: readonly Outcome[],
): Promise<Saved> {
  const messages = outcomes.map(({ message }) => message)
  const known = await selectResults(database, rows.stage, messages)
  const held = new Map(known.map((row) => [keyOf(row), row]))
  const saved = {
    results: [] as SavedResult[],
    deadLetters: [] as DeadLetter[],
    redelivered: new Set<Message>(),
    duplicates: [] as Message[],
  }
  for (const outcome of outcomes) {
    const { message } = outcome
    const row = held.get(keyOf(message))
    if (row === undefined) throw new Error(`Message ${message.id} has lost its row at ${rows.stage}`)
    if (!isFromSameOffset(row, message)) saved.duplicates.push(message)
    else {
      if (!isOwnRow(row, outcome)) saved.redelivered.add(message)
      // The row's times, not those of computing it once more: boundaries never go back.
      const computed = { message, startedAt: row.started, computedAt: row.computed, skewMs: outcome.skewMs }
      if (row.body !== null) saved.results.push({ ...computed, body: row.body })
      else saved.deadLetters.push({ ...computed, reason: row.reason, explanation: row.explanation })
    }
  }
  return saved
}

function keyOf({ id, attempt }: Pick<Message, 'id' | 'attempt'>): string {
  return `${id}/${attempt}`
}

function isFromSameOffset(row: ResultRow, message: Message): boolean {
  return row.offset === message.offset && row.partition === message.partition
}

/** The row is of this very computation: inserted beside rows that were there, or by an attempt whose answer was lost. */
function isOwnRow(row: ResultRow, { startedAt, computedAt }: Outcome): boolean {
  return row.started === startedAt && row.computed === computedAt
}

function merge(one: Saved, other: Saved): Saved {
  return {
    results: [...one.results, ...other.results],
    deadLetters: [...one.deadLetters, ...other.deadLetters],
    redelivered: one.redelivered.union(other.redelivered),
    duplicates: [...one.duplicates, ...other.duplicates],
  }
}

function rejected({ message, startedAt, computedAt, skewMs }: Outcome, error: Error): DeadLetter {
  const explanation = `Postgres refuses to store the result: ${error.message}`
  return { message, startedAt, computedAt, skewMs, reason: 'rejected-by-database', explanation }
}
