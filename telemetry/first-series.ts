import { reasons } from '../stages/refusal.ts'
import type { MetricName, Role } from './metric-list.ts'

type Labels = Readonly<Record<string, string>>

const each = (label: string, values: readonly string[]): Labels[] =>
  values.map((value) => ({ [label]: value }))

const messages: readonly Labels[] = [
  ...['processed', 'redelivered', 'duplicate'].map((outcome) => ({ outcome, reason: '' })),
  ...Object.keys(reasons).map((reason) => ({ outcome: 'dead', reason })),
]

const keptTables = [
  'inputs',
  'results',
  'finished',
  'replays',
  'stage_samples',
  'ledger_samples',
  'alert_notifications',
]

/**
 * The series of a process's counters whose labels are known before anything is counted. They begin at 0: a series that
 * begins with its first count shows no increase, and a chart of it is empty until then.
 */
export function firstSeries(role: Role): Partial<Record<MetricName, readonly Labels[]>> {
  // A generator saves and sends in one attempt.
  const servers = each('server', role === 'generator' ? ['Kafka or Postgres'] : ['Kafka', 'Postgres'])
  return {
    throughline_retries_total: servers,
    throughline_reconnects_total: servers,
    ...(role === 'stage' && { throughline_messages_total: messages }),
    ...(role === 'tracer' && {
      throughline_traces_total: each('outcome', [
        'exported',
        'not-kept',
        'duplicate',
        'without-rows',
        'refused',
      ]),
    }),
    ...(role === 'monitor' && {
      throughline_alert_notifications_total: each('status', ['firing', 'resolved']),
      throughline_rows_removed_total: each('table', keptTables),
    }),
  }
}
