import { isContentError, type Database } from '../sql/database.ts'
import { insertResults, type StageRows } from '../sql/results.ts'
import { changeToDeadLetters, selectResults, type ResultRow } from '../sql/saved-results.ts'
import { isDeadLetter, type DeadLetter, type Outcome, type Result } from './compute.ts'
import type { Message } from './message.ts'

/** A result as its row has it. */
export type SavedResult = Omit<Result, 'numbers' | 'result'>

/** The rows of a batch, which say what has to be published. */
export interface Saved {
  /** To be published on the next topic, each with the body that its row holds. */
  readonly results: readonly SavedResult[]
  /** To be published on the topic of the dead letters. */
  readonly deadLetters: readonly DeadLetter[]
  /** Those of the above whose row an earlier delivery had written, before a crash or a rebalance. */
  readonly redelivered: ReadonlySet<Message>
  /** Messages whose row came from another offset: the record there is published, these are dropped. */
  readonly duplicates: readonly Message[]
}

/**
 * Saves a batch and says what is to be published. The rule that makes a message pass exactly once: a new id is saved and
 * published; an id whose row came from the same offset is a redelivery, which may not be published yet, and is published as
 * the row has it; an id whose row came from another offset is a duplicate, and is dropped.
 *
 * A batch that Postgres refuses for its content is halved until the record is found, which becomes a dead letter.
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
      const explanation = `Postgres refuses to store the result: ${error.message}`
      return await save(database, rows, [toDeadLetter(first, 'rejected-by-database', explanation)], busySeconds)
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
async function savedByRows(database: Database, rows: StageRows, outcomes: readonly Outcome[]): Promise<Saved> {
  const messages = outcomes.map(({ message }) => message)
  const known = await selectResults(database, rows.stage, messages)
  const rowOf = new Map(known.map((row) => [keyOf(row), row]))
  const saved = {
    results: [] as SavedResult[],
    deadLetters: [] as DeadLetter[],
    redelivered: new Set<Message>(),
    duplicates: [] as Message[],
  }
  for (const outcome of outcomes) {
    const { message } = outcome
    const row = rowOf.get(keyOf(message))
    if (row === undefined) throw new Error(`The row of message ${message.id} at ${rows.stage} is missing`)
    if (!isFromSameOffset(row, message)) saved.duplicates.push(message)
    else {
      if (!isOwnRow(row, outcome)) saved.redelivered.add(message)
      // The times of the row, not those of this computation: boundaries never go back.
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

/** The row is of this very computation: inserted beside existing rows, or by an attempt whose answer was lost. */
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

/** The rows of results that the broker refuses for their size become dead letters. */
export async function deadLetterOversized(
  database: Database,
  rows: StageRows,
  refused: readonly SavedResult[],
): Promise<DeadLetter[]> {
  const letters = refused.map((result) => {
    const bytes = Buffer.byteLength(result.body)
    const explanation = `The broker refuses the record of ${bytes} bytes: raise max.message.bytes of the topic, or send less.`
    return toDeadLetter(result, 'too-large', explanation)
  })
  await changeToDeadLetters(database, rows, letters)
  return letters
}

function toDeadLetter(
  { message, startedAt, computedAt, skewMs }: SavedResult,
  reason: DeadLetter['reason'],
  explanation: string,
): DeadLetter {
  return { message, startedAt, computedAt, skewMs, reason, explanation }
}
