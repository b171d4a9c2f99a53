import type { MetricName } from '../telemetry/metric-list.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Report, StageReport } from './report.ts'
import { verdicts } from './verdict.ts'

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

function setStageGauges({ stage, position, verdict, ...report }: StageReport, metrics: Metrics): void {
  const labels = { stage, position }
  // From good to bad, so that up is worse on a chart.
  metrics.set('throughline_verdict', verdicts.length - 1 - verdicts.indexOf(verdict), labels)
  if (report.missing !== null) metrics.set('throughline_missing_messages', report.missing, labels)
  // The other figures would show how it was.
  if (verdict === 'UNKNOWN') return
  const figures: Partial<Record<MetricName, number | null>> = {
    throughline_arrivals_per_second: report.arrivals,
    throughline_served_per_second: report.served,
    throughline_drain_seconds: report.drain,
    throughline_group_members: report.members,
    throughline_partitions: report.partitions.length,
    throughline_partitions_assigned: report.assigned,
    throughline_utilisation_ratio: report.utilisation,
  }
  for (const [name, value] of Object.entries(figures)) {
    if (value !== null) metrics.set(name as MetricName, value, labels)
  }
  for (const { partition, waiting, oldest } of report.partitions) {
    metrics.set('throughline_backlog_messages', waiting, { ...labels, partition })
    metrics.set('throughline_backlog_age_seconds', oldest, { ...labels, partition })
  }
}
