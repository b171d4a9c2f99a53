import type { Database } from './database.ts'

/** One line of the list. */
export interface DeadLetterSummary {
  readonly id: string
  readonly attempt: number
  readonly stage: string
  readonly reason: string
  readonly explanation: string
  /** Milliseconds since the epoch. */
  readonly diedAt: number
}

/** One whole. */
export interface DeadLetterRow extends DeadLetterSummary {
  /** The topic that the stage reads; null for a stage that the catalogue never had. */
  readonly topic: string | null
  readonly partition: number
  readonly offset: string
  readonly traceId: string
  /** As the rows keep them: a JSON object of latin1 strings; null for none. */
  readonly headers: string | null
  /** The record's value; null for a null value. */
  readonly body: Buffer | null
}

const summary = `encode(uuid_send(message_id), 'hex') as id, attempt, stage, reason, explanation,
  (extract(epoch from computed_at) * 1000)::float8 as "diedAt"`

/** The latest, newest first; of one stage when it is named. */
export async function readLatestDeadLetters(
  database: Database,
  { limit, stage }: { limit: number; stage?: string | undefined },
): Promise<DeadLetterSummary[]> {
  const { rows } = await database.query<DeadLetterSummary>(
    `select ${summary} from dead_letters where $2::text is null or stage = $2
     order by computed_at desc limit $1`,
    [limit, stage ?? null],
  )
  return rows
}

/** All dead letters of one message: one for each attempt that has died. */
export async function readDeadLetters(database: Database, id: string): Promise<DeadLetterRow[]> {
  const { rows } = await database.query<DeadLetterRow>(
    `select ${summary}, topic, partition, "offset", trace_id as "traceId", headers, record_value as body
     from dead_letters left join stages on stages.name = stage
     where message_id = $1 order by attempt, computed_at`,
    [id],
  )
  return rows
}
