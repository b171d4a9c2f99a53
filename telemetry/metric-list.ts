/** What a process is there for. */
export type Role = 'stage' | 'generator' | 'monitor' | 'tracer'

/** `code` and `flag` are said in the help; a point in time is in seconds since the epoch. */
export type Unit =
  | 'seconds'
  | 'ratio'
  | 'messages'
  | 'messages per second'
  | 'processes'
  | 'partitions'
  | 'days'
  | 'queries'
  | 'rows'
  | 'alerts'
  | 'spans'
  | 'headers'
  | 'times'
  | 'code'
  | 'flag'

/** A metric as it is defined once; dashboards and alerts are checked against this list. */
export interface MetricDefinition {
  /** The processes that have it. */
  readonly of: readonly Role[]
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What it counts or measures. */
  readonly help: string
  /** What its value is a number of. */
  readonly unit: Unit
  /** Beside `stage` and `position`, which all series have; it is of two digits, so that any list sorts in the order of the flow. */
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

/** Seconds, from half a millisecond to five minutes: a message may take either. */
const seconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
]

type Make = (unit: Unit, help: string, ...labels: string[]) => MetricDefinition

const counter =
  (...of: readonly Role[]): Make =>
  (unit, help, ...labels) => ({ of, type: 'counter', help, unit, labels })
const gauge =
  (...of: readonly Role[]): Make =>
  (unit, help, ...labels) => ({ of, type: 'gauge', help, unit, labels })
const histogram = (unit: Unit, help: string, buckets: readonly number[]): MetricDefinition => ({
  of: ['stage'],
  type: 'histogram',
  help,
  unit,
  labels: [],
  buckets,
})
const duration = (help: string): MetricDefinition => histogram('seconds', help, seconds)

const counted = counter('stage')
const everywhere = counter('stage', 'generator', 'monitor', 'tracer')
const said = gauge('monitor')
/** The monitor speaks of each stage: `stage` and `position` are those of the stage that it is said about. */
const saidOfStage: Make = (unit, help, ...labels) => said(unit, help, 'stage', 'position', ...labels)

/** Every metric of the project's own. Process and event loop metrics come from prom-client. */
export const metricList = {
  throughline_wait_seconds: duration('From the broker having a message to its computation beginning'),
  throughline_work_seconds: duration('Computing a result'),
  throughline_save_seconds: duration('From the result to its row being committed and publishing beginning'),
  throughline_publish_seconds: duration(
    'From publishing beginning to the broker having it on the next topic',
  ),
  throughline_end_to_end_seconds: duration('From the entry topic to the last one; at the last stage'),
  throughline_messages_total: counted(
    'messages',
    'Messages taken: processed, redelivered, duplicate (dropped), or dead with its reason',
    'outcome',
    'reason',
  ),
  throughline_batch_messages: histogram(
    'messages',
    'Messages in a batch',
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
  ),
  throughline_busy_seconds_total: counted('seconds', 'Seconds in which at least one batch was in work'),
  throughline_bad_headers_total: counted('headers', 'Headers of the machinery that were there but of no use'),
  throughline_clock_corrections_total: counted(
    'times',
    'Times that two clocks disagreed by more than 2 ms and one was overruled',
  ),
  throughline_traces_total: counter('tracer')(
    'messages',
    'Messages that came to their end, by what became of their trace: exported, not-kept, duplicate (a second record of the ' +
      'same message), without-rows (not sent by the pipeline), refused (by the backend, and dropped)',
    'outcome',
  ),
  throughline_spans_refused_total: counter('tracer')('spans', 'Spans that the backend got and did not take'),
  throughline_retries_total: everywhere(
    'times',
    'Attempts that failed and were made again, or got no answer for 10 s',
    'server',
  ),
  throughline_reconnects_total: everywhere(
    'times',
    'Times that a server works again after it had failed',
    'server',
  ),
  throughline_rebalances_total: counter('stage', 'tracer')(
    'times',
    'Times that the consumer group gave out its partitions',
  ),
  throughline_pool_waiting: gauge('stage', 'tracer')(
    'queries',
    'Queries that wait for a connection to Postgres',
  ),

  throughline_backlog_messages: saidOfStage(
    'messages',
    'Messages waiting in front of a stage, by the broker: end offset - committed offset',
    'partition',
  ),
  throughline_backlog_age_seconds: saidOfStage(
    'seconds',
    'Age of the oldest message waiting; 0 when nothing waits',
    'partition',
  ),
  throughline_arrivals_per_second: saidOfStage(
    'messages per second',
    'Messages a second that arrive in front of a stage',
  ),
  throughline_served_per_second: saidOfStage(
    'messages per second',
    'Messages a second that a stage is done with',
  ),
  throughline_drain_seconds: saidOfStage(
    'seconds',
    'Until nothing waits, as things go; absent when that is never',
  ),
  throughline_group_members: saidOfStage(
    'processes',
    'Processes that run a stage: members of its consumer group',
  ),
  throughline_partitions: saidOfStage('partitions', 'Partitions of the topic that a stage reads'),
  throughline_partitions_assigned: saidOfStage('partitions', 'Of these, how many a process takes from'),
  throughline_utilisation_ratio: saidOfStage(
    'ratio',
    'Share of its time in which a process of the stage is busy, 0 to 1',
  ),
  throughline_verdict: saidOfStage(
    'code',
    '0 OK, 1 CATCHING UP, 2 FALLING BEHIND, 3 STALLED, 4 STOPPED, 5 UNKNOWN',
  ),
  throughline_missing_messages: saidOfStage(
    'messages',
    'Messages that the rows say wait in front of a stage and the broker does not have',
  ),
  throughline_ledger_messages: said(
    'messages',
    'All messages by account: entered, in_flight, finished, dead, duplicates, missing',
    'account',
  ),
  throughline_monitor_active: said('flag', '1 in the monitor that samples, 0 in one that stands by'),
  throughline_sampled_at_seconds: said('seconds', 'When the monitor last sampled, seconds since the epoch'),
  throughline_alert_notifications_total: counter('monitor')(
    'alerts',
    'Alerts that Grafana has notified the monitor of',
    'status',
  ),
  throughline_rows_removed_total: counter('monitor')(
    'rows',
    'Rows that were older than RETENTION; of whole days that were dropped, as many as Postgres estimated',
    'table',
  ),
  throughline_partitions_ahead_days: said(
    'days',
    'Whole days after today for which all tables have partitions',
  ),
} as const satisfies Readonly<Record<`throughline_${string}`, MetricDefinition>>

export type MetricName = keyof typeof metricList
