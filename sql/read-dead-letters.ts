import { milliseconds, select, type Queryable } from './database.ts'

/** What became of a dead letter; the view `dead_letters` says what each means. */
type DeadLetterState = 'open' | 'in replay' | 'resolved' | 'given up' | 'superseded'

export interface DeadLetterSummary {
  readonly id: string
  readonly attempt: number
  readonly stage: string
  readonly reason: string
  readonly explanation: string
  /** Milliseconds since the epoch. */
  readonly diedAt: number
  readonly state: DeadLetterState
  /** Why it was given up; null when it was not. */
  readonly note: string | null
}

export interface DeadLetterRow extends DeadLetterSummary {
  /** The topic that the stage reads; null for a stage that was never in the catalogue. */
  readonly topic: string | null
  readonly partition: number
  readonly offset: string
  readonly traceId: string
  /** A JSON object of latin1 strings, see `headersFromText`; null for none. */
  readonly headers: string | null
  /** The record's value; null for a null value. */
  readonly body: Buffer | null
}

const summary = `hex(message_id) as id, attempt, stage, reason, explanation,
  ${milliseconds('computed_at')} as "diedAt", state, note`

/** Undefined means any. */
export interface DeadLetterFilter {
  readonly stage?: string | undefined
  readonly reason?: string | undefined
  /** The time since which they died. */
  readonly since?: Date | undefined
}

/**
 * Dead letters in a page: each page is one query, which reads them from an index by time, or by stage and time. No index has the
 * reason: with it the query passes over those of other reasons, so where it is rare one query may read all of the stage.
 */
const PAGE = 500

const page = (order: 'asc' | 'desc') => `
select ${summary}, octet_length(record_value) as bytes, computed_at::text as time
from dead_letters
where ($1::text is null or stage = $1) and ($2::text is null or reason = $2)
  and ($3::timestamptz is null or computed_at >= $3)
  and ($4::timestamptz is null or (computed_at, message_id) ${order === 'asc' ? '>' : '<'} ($4, $5::uuid))
order by computed_at ${order}, message_id ${order} limit ${PAGE}`

interface PageRow extends DeadLetterSummary {
  /** Of the record's value; null for a null value. */
  readonly bytes: number | null
  /** When it died, with every digit. */
  readonly time: string
}

/** Dead letters in pages, in every state: the newest first with `desc`, the oldest with `asc`. */
export async function* readDeadLetterPages(
  database: Queryable,
  { stage, reason, since }: DeadLetterFilter,
  order: 'asc' | 'desc',
): AsyncGenerator<readonly PageRow[], void> {
  let last: PageRow | undefined
  do {
    const values = [stage, reason, since, last?.time, last?.id]
    const rows: PageRow[] = await select<PageRow>(database, page(order), values)
    if (rows.length > 0) yield rows
    last = rows.length === PAGE ? rows.at(-1) : undefined
  } while (last !== undefined)
}

/** The dead letters of one message: one for each attempt that ended in one. */
export async function readDeadLetters(database: Queryable, id: string): Promise<DeadLetterRow[]> {
  return await select<DeadLetterRow>(
    database,
    `select ${summary}, topic, partition, "offset", trace_id as "traceId", headers, record_value as body
     from dead_letters left join stages on stages.name = stage
     where message_id = $1 order by attempt, computed_at`,
    [id],
  )
}
