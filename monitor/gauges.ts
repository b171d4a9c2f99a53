import type { MetricName } from '../telemetry/metric-list.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Report, StageReport } from './report.ts'
import { verdicts } from './verdict.ts'

/** What a report sets anew each time; a series of a partition that is gone goes, too. */
const ofStages = [
  'throughline_backlog_messages',
  'throughline_backlog_age_seconds',
  'throughline_arrivals_per_second',
  'throughline_served_per_second',
  'throughline_drain_seconds',
  'throughline_group_members',
  'throughline_partitions',
  'throughline_partitions_assigned',
  'throughline_utilisation_ratio',
  'throughline_verdict',
  'throughline_missing_messages',
] as const satisfies readonly MetricName[]

const ofAll = ['throughline_ledger_messages', 'throughline_sampled_at_seconds'] as const

/** Shows a report to Prometheus. Undefined when another monitor is the one to ask: nothing is shown twice. */
export function showReport(report: Report | undefined, metrics: Metrics): void {
  for (const name of [...ofStages, ...ofAll]) metrics.forget(name)
  metrics.set('throughline_monitor_active', report === undefined ? 0 : 1)
  if (report?.sampledAt !== undefined) metrics.set('throughline_sampled_at_seconds', report.sampledAt)
  for (const stage of report?.stages ?? []) showStage(stage, metrics)
  for (const [account, messages] of Object.entries(report?.ledger ?? {})) {
    metrics.set('throughline_ledger_messages', messages, { account })
  }
}

function showStage(report: StageReport, metrics: Metrics): void {
  const { stage, position, partitions } = report
  const labels = { stage, position }
  const show = (name: (typeof ofStages)[number], value: number | null) => {
    if (value !== null) metrics.set(name, value, labels)
  }
  // Good to bad, so that on a chart up is worse.
  show('throughline_verdict', verdicts.length - 1 - verdicts.indexOf(report.verdict))
  show('throughline_missing_messages', report.missing)
  // What it was is not what it is.
  if (report.verdict === 'UNKNOWN') return
  show('throughline_arrivals_per_second', report.arrivals)
  show('throughline_served_per_second', report.served)
  show('throughline_drain_seconds', report.drain)
  show('throughline_group_members', report.members)
  show('throughline_partitions', partitions.length)
  show('throughline_partitions_assigned', report.assigned)
  show('throughline_utilisation_ratio', report.utilisation)
  for (const { partition, waiting, oldest } of partitions) {
    metrics.set('throughline_backlog_messages', waiting, { ...labels, partition })
    metrics.set('throughline_backlog_age_seconds', oldest, { ...labels, partition })
  }
}
