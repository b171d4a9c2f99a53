import { milliseconds, select, type Queryable } from './database.ts'

/** One notification: an alert fired, or it was resolved. Times are milliseconds since the epoch. */
export interface DeliveredAlert {
  readonly receivedAt: number
  readonly status: 'firing' | 'resolved'
  readonly alert: string
  /** Null when the alert is not about a stage. */
  readonly stage: string | null
  readonly severity: string | null
  readonly summary: string | null
  /** The values of the alert rule's queries, by the names of the queries. */
  readonly values: Readonly<Record<string, number>> | null
  /** The dashboard. */
  readonly url: string | null
  readonly startsAt: number
  /** Null while the alert fires. */
  readonly endsAt: number | null
}

/** The latest notifications, newest first. */
export async function readAlerts(database: Queryable, limit: number): Promise<DeliveredAlert[]> {
  return await select<DeliveredAlert>(
    database,
    `select ${milliseconds('received_at')} as "receivedAt", status, alert, stage, severity, summary, "values", url,
       ${milliseconds('starts_at')} as "startsAt", ${milliseconds('ends_at')} as "endsAt"
     from alert_notifications order by received_at desc, id desc limit $1`,
    [limit],
  )
}
