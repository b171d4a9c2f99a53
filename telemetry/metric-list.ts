/** A metric as it is defined once; dashboards and alerts are checked against this list. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What it counts or measures; the base unit is in the name. */
  readonly help: string
  /** Beside `stage` and `position`, which all have: any list sorts in the order of the flow. */
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

/** Seconds, from half a millisecond to five minutes: a message may take either. */
const seconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
]

const duration = (help: string): MetricDefinition => ({
  type: 'histogram',
  help,
  labels: [],
  buckets: seconds,
})
const counter = (help: string, ...labels: string[]): MetricDefinition => ({ type: 'counter', help, labels })
const gauge = (help: string, ...labels: string[]): MetricDefinition => ({ type: 'gauge', help, labels })

/** Of the stage that it is said about, where the monitor speaks of a stage and not of itself. */
const ofStage = (help: string, ...labels: string[]): MetricDefinition =>
  gauge(help, 'stage', 'position', ...labels)

/** Every metric of the project's own. Process and event loop metrics come from prom-client. */
export const metricList = {
  throughline_wait_seconds: duration('From the broker having a message to its computation beginning'),
  throughline_work_seconds: duration('Computing a result'),
  throughline_save_seconds: duration('From the result to its row being committed and publishing beginning'),
  throughline_publish_seconds: duration(
    'From publishing beginning to the broker having it on the next topic',
  ),
  throughline_end_to_end_seconds: duration('From the entry topic to the last one; at the last stage'),
  throughline_messages_total: counter(
    'Messages taken: processed, redelivered, copy (dropped), or dead with its reason',
    'outcome',
    'reason',
  ),
  throughline_batch_messages: {
    type: 'histogram',
    help: 'Messages in a batch',
    labels: [],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  },
  throughline_busy_seconds_total: counter('Seconds in which at least one batch was in work'),
  throughline_bad_headers_total: counter('Headers of the machinery that were there but of no use'),
  throughline_clock_corrections_total: counter(
    'Times that two clocks disagreed by more than 2 ms and one was overruled',
  ),
  throughline_spans_lost_total: counter('Spans that found no room or were not taken by the backend'),
  throughline_retries_total: counter('Attempts that failed and were made again', 'server'),
  throughline_reconnects_total: counter('Times that a server works again after it had failed', 'server'),
  throughline_rebalances_total: counter('Times that the consumer group gave out its partitions'),
  throughline_pool_waiting: gauge('Queries that wait for a connection to Postgres'),

  throughline_backlog_messages: ofStage(
    'Messages waiting in front of a stage, by the broker: end offset - committed offset',
    'partition',
  ),
  throughline_backlog_age_seconds: ofStage(
    'Age of the oldest message waiting; 0 when nothing waits',
    'partition',
  ),
  throughline_arrivals_per_second: ofStage('Messages a second that arrive in front of a stage'),
  throughline_served_per_second: ofStage('Messages a second that a stage is done with'),
  throughline_drain_seconds: ofStage('Until nothing waits, as things go; absent when that is never'),
  throughline_group_members: ofStage('Processes that run a stage: members of its consumer group'),
  throughline_partitions: ofStage('Partitions of the topic that a stage reads'),
  throughline_partitions_assigned: ofStage('Of these, how many a process takes from'),
  throughline_utilisation_ratio: ofStage('Share of its time in which a process of the stage is busy, 0 to 1'),
  throughline_verdict: ofStage('0 OK, 1 CATCHING UP, 2 FALLING BEHIND, 3 STALLED, 4 STOPPED, 5 UNKNOWN'),
  throughline_missing_messages: ofStage(
    'Messages that the rows say wait in front of a stage and the broker does not have',
  ),
  throughline_ledger_messages: gauge(
    'All messages by account: entered, in_flight, finished, dead, copies, missing',
    'account',
  ),
  throughline_monitor_active: gauge('1 in the monitor that samples, 0 in one that stands by'),
  throughline_sampled_at_seconds: gauge('When the monitor last sampled, seconds since the epoch'),
  throughline_alert_notifications_total: counter('Alerts that Grafana has notified the monitor of', 'status'),
  throughline_rows_removed_total: counter('Rows that were older than RETENTION', 'table'),
} as const satisfies Readonly<Record<`throughline_${string}`, MetricDefinition>>

export type MetricName = keyof typeof metricList
