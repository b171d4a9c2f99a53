import { spanId, traceIdOf } from '../telemetry/trace-context.ts'
import { byteas, int2s, int4s, int8s, texts, timestamps, uuids } from './binary-array.ts'
import { addToCounters } from './counters.ts'
import { milliseconds, select, withConnection, type Database, type Queryable } from './database.ts'
import { headersToText, isDeadLetter, type DeadLetter, type Message, type Outcome, type StageRoute } from './outcome.ts'

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
 * Saves the outcomes of a batch, and the seconds for which the process was busy since it saved last, which are counted on the
 * partition of the first message.
 *
 * The first insert has no `on conflict`: with that clause Postgres looks up each key first, which costs a third more. After a
 * conflict the statement runs again with `on conflict do nothing`, and existing rows stay as they are.
 * @returns false when some of the rows existed already
 */
export async function insertResults(
  database: Database,
  { stage, target, previous }: StageRoute,
  outcomes: readonly Outcome[],
  busySeconds: number,
): Promise<boolean> {
  const columns = [...resultColumns(outcomes, previous), ...inputColumns(outcomes)]
  const values = [stage.name, target, outcomes[0]?.message.partition, busySeconds, ...columns]
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

function resultColumns(outcomes: readonly Outcome[], previous: string | undefined): (Buffer | null)[] {
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
    sparse(texts, outcomes, headersOf),
    sparse(texts, letters, (one) => one?.reason),
    sparse(texts, letters, (one) => one?.explanation),
    sparse(byteas, letters, (one) => one?.message.value),
    sparse(uuids, messages, foreignTraceOf),
    sparse(texts, parents, (one) => one?.spanId),
    sparse(int2s, parents, (one) => one && Number(one.sampled)),
  ]
}

/** The inputs of messages that enter the pipeline at this stage. */
function inputColumns(outcomes: readonly Outcome[]): Buffer[] {
  const entering = outcomes.filter(({ message }) => message.sentAt === undefined)
  return [
    uuids(entering.map(({ message }) => message.id)),
    int4s(entering.map(({ message }) => message.partition)),
    timestamps(entering.map(({ message }) => message.queuedAt)),
    texts(entering.map((outcome) => (isDeadLetter(outcome) ? null : (outcome.numbers ?? null)))),
  ]
}

/** A column that mostly has nulls: where it has nothing else it is sent as null, and `unnest` fills it up. */
function sparse<Item, Value>(
  array: (values: readonly (Value | null)[]) => Buffer,
  items: readonly Item[],
  valueOf: (item: Item) => Value | null | undefined,
): Buffer | null {
  const values = items.map((item) => valueOf(item) ?? null)
  return values.some((value) => value !== null) ? array(values) : null
}

/** A dead letter keeps all headers, the pipeline's own too: they may be the reason. */
function headersOf(outcome: Outcome): string | null {
  return headersToText(isDeadLetter(outcome) ? outcome.message.headers : outcome.message.forwarded)
}

function foreignTraceOf(message: Message): string | null {
  const traceId = traceIdOf(message)
  return traceId === message.id ? null : traceId
}

/** The span that sent the message, where it is not the one of the stage before. */
function foreignParentOf({ id, attempt, parent }: Message, previous: string | undefined) {
  if (parent === undefined || previous === undefined) return parent
  return parent.spanId === spanId(id, attempt, previous, 'send') ? undefined : parent
}

/** A row as a redelivery needs it. */
interface ResultRow
  extends Pick<Message, 'id' | 'attempt' | 'partition' | 'offset'>, Omit<DeadLetter, 'message' | 'skewMs'> {
  /** Null for a dead letter; only then reason and explanation are not null. */
  readonly body: string | null
}

// The ids appear twice, since only the array tells the planner which partitions it needs.
export const selectSavedResults = `
select hex(message_id) as id, attempt, partition, "offset", body, reason, explanation,
  ${milliseconds('started_at')} as "startedAt", ${milliseconds('computed_at')} as "computedAt"
from unnest($2::uuid[], $3::int2[]) as wanted (message_id, attempt)
join results using (message_id, attempt)
where stage = $1 and results.message_id = any($2::uuid[])`

/** The rows of these messages at a stage. */
export async function selectResults(
  database: Queryable,
  { stage }: StageRoute,
  messages: readonly Message[],
): Promise<ResultRow[]> {
  const ids = uuids(messages.map(({ id }) => id))
  const attempts = int2s(messages.map(({ attempt }) => attempt))
  return await select<ResultRow>(database, selectSavedResults, [stage.name, ids, attempts])
}

const change = `
with given as (
  select * from unnest($3::uuid[], $4::int2[], $5::text[], $6::text[], $7::text[], $8::bytea[])
    as t (message_id, attempt, reason, explanation, headers, record_value)
), changed as (
  update results r
  set reason = given.reason, explanation = given.explanation, headers = given.headers,
    record_value = given.record_value, result = null, body = null
  from given
  where r.message_id = given.message_id and r.attempt = given.attempt and r.stage = $1 and r.reason is null
    and r.message_id = any($3::uuid[])
  returning r.partition
)
insert into counters as c (stage, partition, target, processed, dead)
select $1, partition, $2, -count(*), count(*) from changed group by partition order by partition
${addToCounters('processed', 'dead')}`

/** Changes the rows of results into dead letters, and the counters with them. */
export async function changeToDeadLetters(
  database: Queryable,
  { stage, target }: StageRoute,
  letters: readonly DeadLetter[],
): Promise<void> {
  await database.query(change, [
    stage.name,
    target,
    uuids(letters.map(({ message }) => message.id)),
    int2s(letters.map(({ message }) => message.attempt)),
    texts(letters.map(({ reason }) => reason)),
    texts(letters.map(({ explanation }) => explanation)),
    texts(letters.map(({ message }) => headersToText(message.headers))),
    byteas(letters.map(({ message }) => message.value)),
  ])
}
