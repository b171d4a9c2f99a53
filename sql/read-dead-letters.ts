import { milliseconds, select, type Queryable } from './database.ts'

export interface DeadLetterSummary {
  readonly id: string
  readonly attempt: number
  readonly stage: string
  readonly reason: string
  readonly explanation: string
  /** Milliseconds since the epoch. */
  readonly diedAt: number
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
  ${milliseconds('computed_at')} as "diedAt"`

/** The latest dead letters, newest first: of `stage`, or of all stages. */
export async function readLatestDeadLetters(
  database: Queryable,
  { limit, stage }: { limit: number; stage?: string | undefined },
): Promise<DeadLetterSummary[]> {
  return await select<DeadLetterSummary>(
    database,
    `select ${summary} from dead_letters where $2::text is null or stage = $2
     order by computed_at desc limit $1`,
    [limit, stage ?? null],
  )
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
