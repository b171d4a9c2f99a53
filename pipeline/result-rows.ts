import { isDeadLetter, type DeadLetter, type Outcome } from './compute.ts'
import { joinTexts, plainArray, withConnection, type Database, type Queryable } from './database.ts'
import { addToCounters } from './counters.ts'
import { headersToText } from './headers.ts'
import { traceIdOf, type Message } from './message.ts'
import { spanId } from './span-ids.ts'

/** The stage whose rows these are. */
export interface StageRows {
  readonly stage: string
  /** The topic to which its results go. */
  readonly target: string
  /** The stage before it, or the generator: the parent span of a message is its send span. */
  readonly previous?: string | undefined
}

/**
 * One statement, so one round trip and one transaction: the rows, the inputs of messages that enter here, and the counters
 * of exactly the rows that are new.
 */
const insert = (onConflict: string) => `
with given as (
  select * from unnest(
    $3::uuid[], $4::smallint[], $5::int[], $6::bigint[], $7::float8[], $8::float8[], $9::float8[], $10::float8[],
    $11::float8[], string_to_array($12, E'\\x1f'), string_to_array($13, E'\\x1f'), string_to_array($14, E'\\x1f'),
    string_to_array($15, E'\\x1f'), string_to_array($16, E'\\x1f'), $17::text[], $18::uuid[], $19::text[], $20::smallint[],
    string_to_array($21, E'\\x1f')
  ) as t (message_id, attempt, partition, "offset", entered, previous_sent, queued, started, computed, result, body,
    headers, reason, explanation, record_value, foreign_trace_id, parent_span_id, parent_flags, numbers)
), saved as (
  insert into results (message_id, entered_at, previous_sent_at, queued_at, started_at, computed_at, "offset", partition,
    attempt, stage, result, body, headers, reason, explanation, record_value, foreign_trace_id, parent_span_id,
    parent_flags)
  select message_id, to_timestamp(entered / 1000), to_timestamp(previous_sent / 1000), to_timestamp(queued / 1000),
    to_timestamp(started / 1000), to_timestamp(computed / 1000), "offset", partition, attempt, $1, nullif(result, ''),
    nullif(body, ''), nullif(headers, ''), nullif(reason, ''), nullif(explanation, ''), decode(record_value, 'hex'),
    foreign_trace_id, parent_span_id, parent_flags
  from given
  ${onConflict}
  returning partition, previous_sent_at, reason
), entered as (
  insert into inputs (message_id, created_at, published_at, partition, stage, numbers)
  select message_id, to_timestamp(queued / 1000), to_timestamp(queued / 1000), partition, $1, nullif(numbers, '')
  from given where previous_sent is null
  on conflict do nothing
)
insert into counters as c (stage, partition, target, entered, processed, dead, busy_seconds)
select $1, partition, $2, sum(entered), sum(processed), sum(dead), sum(busy_seconds)
from (
  select partition, (previous_sent_at is null)::int as entered, (reason is null)::int as processed,
    (reason is not null)::int as dead, 0 as busy_seconds
  from saved
  union all
  select $22::int, 0, 0, 0, $23::float8
) as counts
group by partition order by partition
${addToCounters('entered', 'processed', 'dead', 'busy_seconds')}`

const insertNew = { name: 'insert-new-results', text: insert('') }
const insertMissing = { name: 'insert-missing-results', text: insert('on conflict do nothing') }

/**
 * Saves what a stage made of a batch, and for how long the process was busy since it saved last, which is counted on the
 * first message's partition.
 *
 * Rows are inserted as new: Postgres looks for each key first where the statement allows for a conflict, which costs a third
 * more. So only after a conflict the statement is made again in that form, and rows that are there are left alone.
 * @returns false when rows were there already
 */
export async function insertResults(
  database: Database,
  rows: StageRows,
  outcomes: readonly Outcome[],
  busySeconds: number,
): Promise<boolean> {
  const values = [
    rows.stage,
    rows.target,
    ...columnsOf(outcomes, rows),
    outcomes[0]?.message.partition,
    busySeconds,
  ]
  return await withConnection(database, async (client) => {
    try {
      await client.query({ ...insertNew, values })
      return true
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      await client.query({ ...insertMissing, values })
      return false
    }
  })
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}

function columnsOf(outcomes: readonly Outcome[], { previous }: StageRows): (string | null)[] {
  const messages = outcomes.map(({ message }) => message)
  const parents = messages.map((message) => foreignParentOf(message, previous))
  return [
    plainArray(messages.map(({ id }) => id)),
    plainArray(messages.map(({ attempt }) => attempt)),
    plainArray(messages.map(({ partition }) => partition)),
    plainArray(messages.map(({ offset }) => offset)),
    plainArray(messages.map(({ enteredAt }) => enteredAt)),
    plainArray(messages.map(({ sentAt }) => sentAt ?? null)),
    plainArray(messages.map(({ queuedAt }) => queuedAt)),
    plainArray(outcomes.map(({ startedAt }) => startedAt)),
    plainArray(outcomes.map(({ computedAt }) => computedAt)),
    joinTexts(outcomes.map((outcome) => (isDeadLetter(outcome) ? '' : outcome.result))),
    joinTexts(outcomes.map((outcome) => (isDeadLetter(outcome) ? '' : outcome.body))),
    // Of a dead letter all headers are kept, the pipeline's own too: they may be what was wrong with it.
    rareTexts(
      outcomes.map((outcome) =>
        headersToText(isDeadLetter(outcome) ? outcome.message.headers : outcome.message.carried),
      ),
    ),
    rareTexts(outcomes.map((outcome) => (isDeadLetter(outcome) ? outcome.reason : ''))),
    rareTexts(outcomes.map((outcome) => (isDeadLetter(outcome) ? outcome.explanation : ''))),
    rareValues(outcomes.map((outcome) => (isDeadLetter(outcome) ? hexOf(outcome.message.value) : null))),
    rareValues(messages.map(foreignTraceOf)),
    rareValues(parents.map((parent) => parent?.spanId ?? null)),
    rareValues(parents.map((parent) => (parent === undefined ? null : Number(parent.sampled)))),
    rareTexts(outcomes.map((outcome) => (isDeadLetter(outcome) ? '' : (outcome.numbers ?? '')))),
  ]
}

/** A column that is mostly empty. As null it costs nothing: `unnest` fills it up. */
function rareValues(values: readonly (string | number | null)[]): string | null {
  return values.some((value) => value !== null) ? plainArray(values) : null
}

function rareTexts(texts: readonly string[]): string | null {
  return texts.some((text) => text !== '') ? joinTexts(texts) : null
}

/** A record's value for `decode(…, 'hex')` of an array's elements. */
export const hexOf = (value: Buffer | null) => value && (value.toString('hex') || '""')

function foreignTraceOf(message: Message): string | null {
  const traceId = traceIdOf(message)
  return traceId === message.id ? null : traceId
}

/** The span that sent the message, where it is not the one of the stage before. */
function foreignParentOf({ id, attempt, parent }: Message, previous: string | undefined): Message['parent'] {
  if (parent === undefined || previous === undefined) return parent
  return parent.spanId === spanId(id, attempt, previous, 'send') ? undefined : parent
}

/** A row as a redelivery has to know it. */
export interface ResultRow {
  readonly id: string
  readonly attempt: number
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
const select = `
select hex(message_id) as id, attempt, partition, "offset", body, reason, explanation,
  (extract(epoch from started_at) * 1000)::float8 as started, (extract(epoch from computed_at) * 1000)::float8 as computed
from unnest($2::uuid[], $3::smallint[]) as wanted (message_id, attempt)
join results using (message_id, attempt)
where stage = $1`

/** The rows of these messages at a stage. */
export async function selectResults(
  database: Queryable,
  stage: string,
  messages: readonly Message[],
): Promise<ResultRow[]> {
  const ids = plainArray(messages.map(({ id }) => id))
  const attempts = plainArray(messages.map(({ attempt }) => attempt))
  const { rows } = await database.query<ResultRow>(select, [stage, ids, attempts])
  return rows
}
