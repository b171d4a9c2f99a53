import { isDeadLetter, type Outcome } from '../pipeline/compute.ts'
import { byteas, int2s, int4s, int8s, texts, timestamps, uuids } from './binary-array.ts'
import { withConnection, type Database } from './database.ts'
import { addToCounters } from './counters.ts'
import { headersToText } from '../pipeline/headers.ts'
import { traceIdOf, type Message } from '../pipeline/message.ts'
import { spanId } from '../pipeline/span-ids.ts'

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
with saved as (
  insert into results (stage, message_id, attempt, partition, "offset", entered_at, previous_sent_at, queued_at, started_at,
    computed_at, result, body, headers, reason, explanation, record_value, foreign_trace_id, parent_span_id, parent_flags)
  select $1, * from unnest(
    $5::uuid[], $6::int2[], $7::int4[], $8::int8[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[],
    $12::timestamptz[], $13::timestamptz[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::bytea[],
    $20::uuid[], $21::text[], $22::int2[]
  )
  ${onConflict}
  returning partition, previous_sent_at, reason
), entered as (
  insert into inputs (stage, message_id, partition, created_at, numbers)
  select $1, * from unnest($23::uuid[], $24::int4[], $25::timestamptz[], $26::text[])
  on conflict do nothing
)
insert into counters as c (stage, partition, target, entered, processed, dead, busy_seconds)
select $1, partition, $2, sum(entered), sum(processed), sum(dead), sum(busy_seconds)
from (
  select partition, (previous_sent_at is null)::int as entered, (reason is null)::int as processed,
    (reason is not null)::int as dead, 0 as busy_seconds
  from saved
  union all
  select $3::int, 0, 0, 0, $4::float8
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
    outcomes[0]?.message.partition,
    busySeconds,
    ...resultColumns(outcomes, rows),
    ...inputColumns(outcomes),
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

function resultColumns(outcomes: readonly Outcome[], { previous }: StageRows): (Buffer | null)[] {
  const messages = outcomes.map(({ message }) => message)
  const results = outcomes.map((outcome) => (isDeadLetter(outcome) ? undefined : outcome))
  const letters = outcomes.map((outcome) => (isDeadLetter(outcome) ? outcome : undefined))
  const parents = messages.map((message) => foreignParentOf(message, previous))
  return [
    uuids(messages.map(({ id }) => id)),
    int2s(messages.map(({ attempt }) => attempt)),
    int4s(messages.map(({ partition }) => partition)),
    int8s(messages.map(({ offset }) => offset)),
    timestamps(messages.map(({ enteredAt }) => enteredAt)),
    timestamps(messages.map(({ sentAt }) => sentAt ?? null)),
    timestamps(messages.map(({ queuedAt }) => queuedAt)),
    timestamps(outcomes.map(({ startedAt }) => startedAt)),
    timestamps(outcomes.map(({ computedAt }) => computedAt)),
    texts(results.map((one) => one?.result ?? null)),
    texts(results.map((one) => one?.body ?? null)),
    rare(texts, outcomes.map(headersOf)),
    rare(
      texts,
      letters.map((one) => one?.reason ?? null),
    ),
    rare(
      texts,
      letters.map((one) => one?.explanation ?? null),
    ),
    rare(
      byteas,
      letters.map((one) => one?.message.value ?? null),
    ),
    rare(uuids, messages.map(foreignTraceOf)),
    rare(
      texts,
      parents.map((one) => one?.spanId ?? null),
    ),
    rare(
      int2s,
      parents.map((one) => (one === undefined ? null : Number(one.sampled))),
    ),
  ]
}

/** Of the messages that enter here. */
function inputColumns(outcomes: readonly Outcome[]): (Buffer | null)[] {
  const entering = outcomes.filter(({ message }) => message.sentAt === undefined)
  if (entering.length === 0) return [null, null, null, null]
  const messages = entering.map(({ message }) => message)
  return [
    uuids(messages.map(({ id }) => id)),
    int4s(messages.map(({ partition }) => partition)),
    timestamps(messages.map(({ queuedAt }) => queuedAt)),
    texts(entering.map((outcome) => (isDeadLetter(outcome) ? null : (outcome.numbers ?? null)))),
  ]
}

/** A column that is mostly empty. As null it costs nothing: `unnest` fills it up. */
function rare<T>(
  array: (values: readonly (T | null)[]) => Buffer,
  values: readonly (T | null)[],
): Buffer | null {
  return values.some((value) => value !== null) ? array(values) : null
}

/** Of a dead letter all headers are kept, the pipeline's own too: they may be what was wrong with it. */
function headersOf(outcome: Outcome): string | null {
  return headersToText(isDeadLetter(outcome) ? outcome.message.headers : outcome.message.carried)
}

function foreignTraceOf(message: Message): string | null {
  const traceId = traceIdOf(message)
  return traceId === message.id ? null : traceId
}

/** The span that sent the message, where it is not the one of the stage before. */
function foreignParentOf({ id, attempt, parent }: Message, previous: string | undefined): Message['parent'] {
  if (parent === undefined || previous === undefined) return parent
  return parent.spanId === spanId(id, attempt, previous, 'send') ? undefined : parent
}
