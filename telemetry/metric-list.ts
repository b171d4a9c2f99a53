/** What a process does. */
export type Role = 'stage' | 'generator' | 'monitor' | 'tracer'

/** A metric, defined once; dashboards and alert rules are checked against the list. */
export interface MetricDefinition {
  /** The processes that have it. */
  readonly of: readonly Role[]
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** The unit of the value. The help explains a `code` or `flag`; a point in time is in seconds since the epoch. */
  readonly unit: string
  /** Besides `stage` and `position`, which all series have. A position has two digits, so that text order is the flow's. */
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

type Define = (unit: string, help: string, ...labels: string[]) => MetricDefinition

const counter =
  (...of: readonly Role[]): Define =>
  (unit, help, ...labels) => ({ of, type: 'counter', help, unit, labels })
const gauge =
  (...of: readonly Role[]): Define =>
  (unit, help, ...labels) => ({ of, type: 'gauge', help, unit, labels })
const histogram = (unit: string, help: string, buckets: readonly number[]): MetricDefinition => {
  return { of: ['stage'], type: 'histogram', help, unit, labels: [], buckets }
}

/** Seconds, from half a millisecond to five minutes. */
const durations = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
const duration = (help: string) => histogram('seconds', help, durations)
const ofStage = counter('stage')
const ofAll = counter('stage', 'generator', 'monitor', 'tracer')
const ofMonitor = gauge('monitor')
/** The monitor's gauges of each stage: `stage` and `position` are those of that stage. */
const monitored: Define = (unit, help, ...labels) => ofMonitor(unit, help, 'stage', 'position', ...labels)

/** Every metric of the project's own. Process and event loop metrics come from prom-client. */
export const metricList = {
  throughline_wait_seconds: duration('From the append time of a message to the start of its computation'),
  throughline_work_seconds: duration('Computing a result'),
  throughline_save_seconds: duration('From the result until its row is saved and publishing begins'),
  throughline_publish_seconds: duration('From the start of publishing to the append time on the next topic'),
  throughline_end_to_end_seconds: duration('From the entry topic to the last one; at the last stage'),
  throughline_messages_total: ofStage(
    'messages',
    'Messages consumed: processed, redelivered, duplicate (dropped), or dead with its reason',
    'outcome',
    'reason',
  ),
  throughline_batch_messages: histogram('messages', 'Messages in a batch', [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
  throughline_busy_seconds_total: ofStage('seconds', 'Seconds with at least one batch in work'),
  throughline_bad_headers_total: ofStage('headers', "Headers of the pipeline's own that could not be used"),
  throughline_clock_corrections_total: ofStage(
    'times',
    'Times that two clocks disagreed by more than 2 ms and one was overruled',
  ),
  throughline_traces_total: counter('tracer')(
    'messages',
    'Messages that reached their end, by what became of their trace: exported, not-kept, duplicate (a second record of the ' +
      'same message), without-rows (not sent by the pipeline), refused (by the backend, and dropped)',
    'outcome',
  ),
  throughline_spans_refused_total: counter('tracer')('spans', 'Spans that the backend received and refused'),
  throughline_retries_total: ofAll('times', 'Attempts that failed and were repeated, or got no answer for 10 s', 'server'),
  throughline_reconnects_total: ofAll('times', 'Times that a server worked again after a failure', 'server'),
  throughline_rebalances_total: counter('stage', 'tracer')('times', 'Rebalances of the consumer group'),
  throughline_pool_waiting: gauge('stage', 'tracer')('queries', 'Queries waiting for a connection to Postgres'),

  throughline_backlog_messages: monitored(
    'messages',
    'Messages waiting in front of a stage, by the broker: end offset - committed offset',
    'partition',
  ),
  throughline_backlog_age_seconds: monitored(
    'seconds',
    'Age of the oldest message waiting; 0 when nothing waits',
    'partition',
  ),
  throughline_arrivals_per_second: monitored('messages per second', 'Messages arriving in front of a stage'),
  throughline_served_per_second: monitored('messages per second', 'Messages that a stage has done'),
  throughline_drain_seconds: monitored('seconds', 'Until nothing waits at these rates; absent when never'),
  throughline_group_members: monitored('processes', "Members of a stage's consumer group"),
  throughline_partitions: monitored('partitions', 'Partitions of the topic that a stage reads'),
  throughline_partitions_assigned: monitored('partitions', 'Partitions of that topic that have a consumer'),
  throughline_processes_wanted: monitored(
    'processes',
    'Processes that a stage wants, from 1 to its partitions, for what waits to be done within SCALE_TARGET_SECONDS; absent while unknown',
  ),
  throughline_utilisation_ratio: monitored('ratio', "Share of time in which a stage's process is busy, 0 to 1"),
  throughline_verdict: monitored('code', '0 OK, 1 CATCHING UP, 2 FALLING BEHIND, 3 STALLED, 4 STOPPED, 5 UNKNOWN'),
  throughline_missing_messages: monitored(
    'messages',
    'Messages waiting in front of a stage by the rows and not by the broker',
  ),
  throughline_ledger_messages: ofMonitor(
    'messages',
    'All messages by account: entered, in_flight, finished, dead, duplicates, missing',
    'account',
  ),
  throughline_monitor_active: ofMonitor('flag', '1 in the active monitor, 0 in one that stands by'),
  throughline_sampled_at_seconds: ofMonitor('seconds', 'Time of the latest sample, seconds since the epoch'),
  throughline_alert_notifications_total: counter('monitor')('alerts', 'Alerts in the notifications from Grafana', 'status'),
  throughline_rows_removed_total: counter('monitor')(
    'rows',
    'Rows older than RETENTION that were removed; for dropped partitions an estimate by Postgres',
    'table',
  ),
  throughline_partitions_ahead_days: ofMonitor('days', 'Whole days after today with partitions of all tables'),
} as const satisfies Readonly<Record<`throughline_${string}`, MetricDefinition>>

export type MetricName = keyof typeof metricList
