import type { Queryable } from '../sql/database.ts'
import type { NotifiedAlert } from './notification.ts'

/** Grafana repeats what goes on; that is no news. */
const insert = `
insert into alert_notifications (status, alert, stage, severity, summary, "values", url, starts_at, ends_at, fingerprint)
select status, alert, stage, severity, summary, "values", url, "startsAt", "endsAt", fingerprint
from json_to_recordset($1) as t (status text, alert text, stage text, severity text, summary text, "values" jsonb,
  url text, "startsAt" timestamptz, "endsAt" timestamptz, fingerprint text)
on conflict do nothing`

/** Keeps those that are news. Returns how many these are. */
export async function keepAlerts(alerts: readonly NotifiedAlert[], database: Queryable): Promise<number> {
  const { rowCount } = await database.query({
    name: 'keep-alerts',
    text: insert,
    values: [JSON.stringify(alerts)],
  })
  return rowCount ?? 0
}
