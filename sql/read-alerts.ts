import type { Database } from './database.ts'

/** An alert as it was delivered: when it fired, or when it was resolved. */
export interface DeliveredAlert {
  /** Milliseconds since the epoch, like the others. */
  readonly receivedAt: number
  readonly status: 'firing' | 'resolved'
  readonly alert: string
  /** Null when it is about no stage. */
  readonly stage: string | null
  readonly severity: string | null
  readonly summary: string | null
  /** What was measured, by the name of the query. */
  readonly values: Readonly<Record<string, number>> | null
  /** Where to look. */
  readonly url: string | null
  readonly startsAt: number
  /** Null while it fires. */
  readonly endsAt: number | null
}

const ms = (column: string, name: string) => `(extract(epoch from ${column}) * 1000)::float8 as "${name}"`

/** The latest, newest first. */
export async function readAlerts(database: Database, limit: number): Promise<DeliveredAlert[]> {
  const { rows } = await database.query<DeliveredAlert>(
    `select ${ms('received_at', 'receivedAt')}, status, alert, stage, severity, summary, "values", url,
       ${ms('starts_at', 'startsAt')}, ${ms('ends_at', 'endsAt')}
     from alert_notifications order by received_at desc, id desc limit $1`,
    [limit],
  )
  return rows
}
