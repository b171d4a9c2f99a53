import type { Queryable } from '../sql/database.ts'
import type { MetricName } from '../telemetry/metric-list.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Report, StageReport } from './report.ts'
import { verdicts } from './verdict.ts'

/** The row in stage_samples. Of an UNKNOWN stage's figures only `missing` is known: the others would be out of date. */
function rowOf(report: StageReport) {
  const { stage, verdict, sentence, missing } = report
  const known = { stage, verdict, sentence, missing }
  if (verdict === 'UNKNOWN') return known
  return {
    ...known,
    waiting: report.waiting,
    oldest_seconds: report.oldest,
    oldest_message: report.oldestMessage,
    arrivals_per_second: report.arrivals,
    served_per_second: report.served,
    drain_seconds: report.drain,
    utilisation: report.utilisation,
    members: report.members,
    partitions: report.partitions.length,
    partitions_assigned: report.assigned,
    processes_wanted: report.wanted,
  }
}

/** The columns that are gauges. */
const gauges: Readonly<Record<string, MetricName>> = {
  missing: 'throughline_missing_messages',
  arrivals_per_second: 'throughline_arrivals_per_second',
  served_per_second: 'throughline_served_per_second',
  drain_seconds: 'throughline_drain_seconds',
  utilisation: 'throughline_utilisation_ratio',
  members: 'throughline_group_members',
  partitions: 'throughline_partitions',
  partitions_assigned: 'throughline_partitions_assigned',
  processes_wanted: 'throughline_processes_wanted',
}

/**
 * Sets the monitor's gauges anew, so that the series of a partition that is gone goes, too.
 * @param report undefined in a monitor that stands by, which shows nothing that the active one shows
 */
export function setGauges(report: Report | undefined, metrics: Metrics): void {
  metrics.clearGauges()
  metrics.set('throughline_monitor_active', report === undefined ? 0 : 1)
  if (report?.sampledAt !== undefined) metrics.set('throughline_sampled_at_seconds', report.sampledAt)
  for (const stage of report?.stages ?? []) setStageGauges(stage, metrics)
  for (const [account, messages] of Object.entries(report?.ledger ?? {})) {
    metrics.set('throughline_ledger_messages', messages, { account })
  }
}

function setStageGauges(report: StageReport, metrics: Metrics): void {
  const { stage, position, verdict } = report
  const labels = { stage, position }
  // From good to bad, so that up is worse on a chart.
  metrics.set('throughline_verdict', verdicts.length - 1 - verdicts.indexOf(verdict), labels)
  for (const [column, value] of Object.entries(rowOf(report))) {
    const gauge = gauges[column]
    if (gauge !== undefined && typeof value === 'number') metrics.set(gauge, value, labels)
  }
  if (verdict === 'UNKNOWN') return
  for (const { partition, waiting, oldest } of report.partitions) {
    metrics.set('throughline_backlog_messages', waiting, { ...labels, partition })
    metrics.set('throughline_backlog_age_seconds', oldest, { ...labels, partition })
  }
}

/** Inserts a report into stage_samples and ledger_samples, at the time of Postgres, by which reports are queried. */
export async function persistReport({ stages, ledger }: Report, database: Queryable): Promise<void> {
  const insert = async (table: 'stage_samples' | 'ledger_samples', rows: readonly object[]) => {
    const text = `
insert into ${table}
select r.* from jsonb_array_elements($1) as json,
  jsonb_populate_record(null::${table}, json || jsonb_build_object('at', now())) as r
on conflict do nothing`
    await database.query({ name: `insert-${table}`, text, values: [JSON.stringify(rows)] })
  }
  await insert('stage_samples', stages.map(rowOf))
  if (ledger !== undefined) await insert('ledger_samples', [ledger])
}
