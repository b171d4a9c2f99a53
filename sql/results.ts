import type { ReasonCode } from '../stages/refusal.ts'
import { spanId, traceIdOf, type TracedMessage } from '../telemetry/trace-context.ts'
import { byteas, int2s, int4s, int8s, texts, timestamps, uuids } from './binary-array.ts'
import { addToCounters } from './counters.ts'
import { withConnection, type Database } from './database.ts'

/** The stage whose rows these are. */
export interface StageRows {
  readonly stage: string
  /** The topic to which its results go. */
  readonly target: string
  /** The stage before it, or the generator: the parent span of a message is its send span. */
  readonly previous?: string | undefined
}

type HeaderValue = Buffer | string
type Headers = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>

/** What a row holds of a message. Times in milliseconds since the epoch. */
interface SavableMessage extends TracedMessage {
  readonly partition: number
  readonly offset: string
  readonly value: Buffer | null
  readonly headers: Headers
  /** The headers that are sent on with a result. */
  readonly forwarded: Headers | undefined
  readonly sentAt: number | undefined
  readonly enteredAt: number
  readonly queuedAt: number
}

interface Savable {
  readonly message: SavableMessage
  readonly startedAt: number
  readonly computedAt: number
}

interface SavableResult extends Savable {
  readonly numbers: string | undefined
  /** JSON. */
  readonly result: string
  readonly body: string
}

export interface SavableDeadLetter extends Savable {
  readonly reason: ReasonCode
  readonly explanation: string
}

/** A stage's outcome for one message. */
export type SavableOutcome = SavableResult | SavableDeadLetter

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
 * Rows are first inserted without `on conflict`, with which Postgres looks for each key before the insert and which costs a
 * third more. After a conflict the statement runs again with it, and existing rows stay as they are.
 * @returns false when some of the rows existed already
 */
export async function insertResults(
  database: Database,
  rows: StageRows,
  outcomes: readonly SavableOutcome[],
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

const isDeadLetter = (outcome: SavableOutcome) => 'reason' in outcome

function resultColumns(outcomes: readonly SavableOutcome[], { previous }: StageRows): (Buffer | null)[] {
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
function inputColumns(outcomes: readonly SavableOutcome[]): (Buffer | null)[] {
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
function headersOf(outcome: SavableOutcome): string | null {
  return headersToText(isDeadLetter(outcome) ? outcome.message.headers : outcome.message.forwarded)
}

function foreignTraceOf(message: SavableMessage): string | null {
  const traceId = traceIdOf(message)
  return traceId === message.id ? null : traceId
}

/** The span that sent the message, where it is not the one of the stage before. */
function foreignParentOf({ id, attempt, parent }: SavableMessage, previous: string | undefined) {
  if (parent === undefined || previous === undefined) return parent
  return parent.spanId === spanId(id, attempt, previous, 'send') ? undefined : parent
}

/** Headers as rows hold them: a JSON object of latin1 strings, which can hold any bytes; null for none. */
export function headersToText(headers: Headers | undefined): string | null {
  return headers === undefined ? null : JSON.stringify(headers, latin1)
}

/** The inverse of {@link headersToText}. */
export function headersFromText(text: string | null): Record<string, Buffer | Buffer[]> {
  if (text === null || text === '') return {}
  const bytes = (value: string) => Buffer.from(value, 'latin1')
  const entries = Object.entries(JSON.parse(text) as Record<string, string | string[]>)
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(bytes) : bytes(value)]))
}

// JSON.stringify has called Buffer's toJSON before a replacer sees the value; `this` still has the Buffer.
function latin1(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const raw = this[name]
  return Buffer.isBuffer(raw) ? raw.toString('latin1') : value
}
