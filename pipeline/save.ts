import { isDeadLetter, type DeadLetter, type Outcome, type Result } from './compute.ts'
import { isContentError, plainArray, transaction, type Database, type Queryable } from './database.ts'
import { countCopies, lockCounters } from './counters.ts'
import { insertDeadLetters } from './dead-letters.ts'
import type { Message } from './message.ts'
import type { Inserted, Place } from './outcome-columns.ts'
import { insertNewResults, insertResults } from './results.ts'

export type SavedResult = Omit<Result, 'subject' | 'result'>

/** What is in the database after a batch, and so what has to be on the topics. */
export interface Saved {
  /** To be sent on, each with the body that its row holds. */
  readonly results: readonly SavedResult[]
  /** To be sent to the topic of the dead letters. */
  readonly deadLetters: readonly DeadLetter[]
  /** Those of the above that had their row before: taken again, after a crash or a rebalance. */
  readonly redelivered: ReadonlySet<Message>
  /** Already taken from another offset: whoever took that one sends it on. */
  readonly copies: readonly Message[]
}

/**
 * Saves a batch and says what is to be sent. The rule that makes a message pass exactly once: an id that is new is saved
 * and sent; one whose row came from the same offset is a redelivery, which may not have been sent yet, and is sent as
 * the row has it; one whose row came from another offset is a copy, and is dropped.
 *
 * A batch that Postgres refuses for its content is halved until the record is found: that one is a dead letter.
 * @throws whatever else Postgres or the network say: trying again may help
 */
export async function save(
  database: Database,
  place: Place,
  outcomes: readonly Outcome[],
  busySeconds = 0,
): Promise<Saved> {
  try {
    const saved = await insert(database, place, outcomes, busySeconds)
    if (saved.count === outcomes.length) return split(outcomes)
    return await settle(database, place, outcomes, new Set(saved.keys))
  } catch (error) {
    const [first, ...others] = outcomes
    if (!isContentError(error) || first === undefined) throw error
    if (others.length === 0) {
      if (isDeadLetter(first)) throw error
      return await save(database, place, [rejected(first, error)], busySeconds)
    }
    const half = Math.ceil(outcomes.length / 2)
    return merge(
      await save(database, place, outcomes.slice(0, half), busySeconds),
      await save(database, place, outcomes.slice(half)),
    )
  }
}

/** One transaction: results, dead letters and counters. Without dead letters it is one statement. */
async function insert(
  database: Database,
  place: Place,
  outcomes: readonly Outcome[],
  busySeconds: number,
): Promise<Inserted> {
  const [results, deadLetters] = [outcomes.filter(isResult), outcomes.filter(isDeadLetter)]
  if (deadLetters.length === 0) return await insertNewResults(database, place, results, busySeconds)
  return await transaction(database, async (client) => {
    await lockCounters(client, place.stage, outcomes)
    const one = await insertResults(client, place, results, busySeconds)
    const other = await insertDeadLetters(client, place, deadLetters, results.length > 0 ? 0 : busySeconds)
    return { count: one.count + other.count, keys: [...keysOf(one, results), ...keysOf(other, deadLetters)] }
  })
}

/** The keys of the rows that are new. */
function keysOf({ keys }: Inserted, outcomes: readonly Outcome[]): readonly string[] {
  return keys ?? outcomes.map(({ message }) => keyOf(message))
}

interface Row {
  readonly id: string
  readonly attempt: number
  readonly topic: string
  readonly partition: number
  readonly offset: string
  /** Null for a dead letter, and then the reason and the explanation are not. */
  readonly body: string | null
  readonly reason: DeadLetter['reason']
  readonly explanation: string
  /** Milliseconds since the epoch. */
  readonly started: number
  readonly computed: number
}

// Multiplied before the cast, while every digit is exact.
const times = `(extract(epoch from started_at) * 1000)::float8 as started, (extract(epoch from computed_at) * 1000)::float8 as computed`
const select = `
with wanted as (select distinct * from unnest($2::uuid[], $3::smallint[]) as t (message_id, attempt))
select encode(uuid_send(message_id), 'hex') as id, attempt, topic, partition, "offset", body, null as reason, null as explanation, ${times}
from wanted join results using (message_id, attempt) where stage = $1
union all
select encode(uuid_send(message_id), 'hex'), attempt, topic, partition, "offset", null, reason, explanation, ${times}
from wanted join dead_letters using (message_id, attempt) where stage = $1`

/** Decides by the rows what each message of the batch is. */
async function settle(
  database: Queryable,
  place: Place,
  outcomes: readonly Outcome[],
  fresh: ReadonlySet<string>,
): Promise<Saved> {
  const messages = outcomes.map(({ message }) => message)
  const ids = plainArray(messages.map(({ id }) => id))
  const attempts = plainArray(messages.map(({ attempt }) => attempt))
  const { rows } = await database.query<Row>(select, [place.stage, ids, attempts])
  const held = new Map(rows.map((row) => [keyOf(row), row]))
  const saved = {
    results: [] as SavedResult[],
    deadLetters: [] as DeadLetter[],
    redelivered: new Set<Message>(),
    copies: [] as Message[],
  }
  for (const { message, skewMs } of outcomes) {
    const row = held.get(keyOf(message))
    if (row === undefined) throw new Error(`Message ${message.id} has lost its row at ${place.stage}`)
    // The row's times, not those of computing it once more: the same spans, and boundaries that never go back.
    const taken = { message, startedAt: row.started, computedAt: row.computed, skewMs }
    if (!fresh.has(keyOf(message)) && isSamePlace(row, message)) saved.redelivered.add(message)
    if (!isSamePlace(row, message)) saved.copies.push(message)
    else if (row.body === null)
      saved.deadLetters.push({ ...taken, reason: row.reason, explanation: row.explanation })
    else saved.results.push({ ...taken, body: row.body })
  }
  await countCopies(database, place.stage, saved.copies)
  return saved
}

function keyOf({ id, attempt }: Pick<Message, 'id' | 'attempt'>): string {
  return `${id}/${attempt}`
}

function isSamePlace(row: Row, message: Message): boolean {
  return row.offset === message.offset && row.partition === message.partition && row.topic === message.topic
}

const isResult = (outcome: Outcome): outcome is Result => !isDeadLetter(outcome)

function split(outcomes: readonly Outcome[]): Saved {
  return {
    results: outcomes.filter(isResult),
    deadLetters: outcomes.filter(isDeadLetter),
    redelivered: new Set(),
    copies: [],
  }
}

function merge(one: Saved, other: Saved): Saved {
  return {
    results: [...one.results, ...other.results],
    deadLetters: [...one.deadLetters, ...other.deadLetters],
    redelivered: one.redelivered.union(other.redelivered),
    copies: [...one.copies, ...other.copies],
  }
}

function rejected({ message, startedAt, computedAt, skewMs }: Outcome, error: Error): DeadLetter {
  const explanation = `Postgres refuses to store the result: ${error.message}`
  return { message, startedAt, computedAt, skewMs, reason: 'rejected-by-database', explanation }
}
