import { isContentError, type Database } from '../sql/database.ts'
import { isDeadLetter } from '../sql/outcome.ts'
import type { DeadLetter, Message, Outcome, Result, SavedResult, StageRoute } from '../sql/outcome.ts'
import { changeToDeadLetters, insertResults, selectResults } from '../sql/results.ts'

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
 * Saves a batch and says what is to be published. The rule by which a message is saved once and published at least once: a new
 * id is saved and published; an id whose row came from the same offset is a redelivery, perhaps not yet published, and is
 * published as the row has it; an id whose row came from another offset is a duplicate, and is dropped.
 *
 * A batch that Postgres refuses for its content is halved until the record is found, which becomes a dead letter.
 * @throws any other error of Postgres or the network, for which trying again may help; and the refusal of a dead letter's own
 * content, of which nothing else can be made
 */
export async function save(
  database: Database,
  route: StageRoute,
  outcomes: readonly Outcome[],
  busySeconds = 0,
): Promise<Saved> {
  try {
    const areAllNew = await insertResults(database, route, outcomes, busySeconds)
    return areAllNew ? savedAsNew(outcomes) : await savedByRows(database, route, outcomes)
  } catch (error) {
    const [first, ...others] = outcomes
    if (!isContentError(error) || first === undefined) throw error
    if (others.length === 0) {
      if (isDeadLetter(first)) throw error
      const explanation = `Postgres refuses to store the result: ${error.message}`
      return await save(database, route, [toDeadLetter(first, 'rejected-by-database', explanation)], busySeconds)
    }
    const half = Math.ceil(outcomes.length / 2)
    const one = await save(database, route, outcomes.slice(0, half), busySeconds)
    const other = await save(database, route, outcomes.slice(half))
    return {
      results: [...one.results, ...other.results],
      deadLetters: [...one.deadLetters, ...other.deadLetters],
      redelivered: one.redelivered.union(other.redelivered),
      duplicates: [...one.duplicates, ...other.duplicates],
    }
  }
}

function savedAsNew(outcomes: readonly Outcome[]): Saved {
  const results = outcomes.filter((outcome): outcome is Result => !isDeadLetter(outcome))
  return { results, deadLetters: outcomes.filter(isDeadLetter), redelivered: new Set(), duplicates: [] }
}

/** Decides by the rows what each message of the batch is. */
async function savedByRows(database: Database, route: StageRoute, outcomes: readonly Outcome[]): Promise<Saved> {
  const messages = outcomes.map(({ message }) => message)
  const rows = await selectResults(database, route, messages)
  const rowOf = new Map(rows.map((row) => [keyOf(row), row]))
  const results: SavedResult[] = []
  const deadLetters: DeadLetter[] = []
  const redelivered = new Set<Message>()
  const duplicates: Message[] = []
  for (const { message, startedAt, computedAt, skewMs } of outcomes) {
    const row = rowOf.get(keyOf(message))
    if (row === undefined) throw new Error(`The row of message ${message.id} at ${route.stage.name} is missing`)
    if (row.offset !== message.offset || row.partition !== message.partition) {
      duplicates.push(message)
      continue
    }
    // The same times: this computation wrote the row, also if the answer was lost. Others: an earlier delivery did.
    if (row.startedAt !== startedAt || row.computedAt !== computedAt) redelivered.add(message)
    // The times of the row, not those of this computation: boundaries never go back.
    const computed = { message, startedAt: row.startedAt, computedAt: row.computedAt, skewMs }
    if (row.body !== null) results.push({ ...computed, body: row.body })
    else deadLetters.push({ ...computed, reason: row.reason, explanation: row.explanation })
  }
  return { results, deadLetters, redelivered, duplicates }
}

function keyOf({ id, attempt }: Pick<Message, 'id' | 'attempt'>): string {
  return `${id}/${attempt}`
}

/** The rows of results that the broker refuses for their size become dead letters. */
export async function deadLetterOversized(
  database: Database,
  route: StageRoute,
  refused: readonly SavedResult[],
): Promise<DeadLetter[]> {
  const letters = refused.map((result) => {
    const bytes = Buffer.byteLength(result.body)
    const explanation = `The broker refuses the record of ${bytes} bytes: raise max.message.bytes of the topic, or send less.`
    return toDeadLetter(result, 'too-large', explanation)
  })
  await changeToDeadLetters(database, route, letters)
  return letters
}

function toDeadLetter(
  { message, startedAt, computedAt, skewMs }: SavedResult,
  reason: DeadLetter['reason'],
  explanation: string,
): DeadLetter {
  return { message, startedAt, computedAt, skewMs, reason, explanation }
}
