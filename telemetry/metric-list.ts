/** What a process is there for. */
export type Role = 'stage' | 'generator' | 'monitor'

/** A metric as it is defined once; dashboards and alerts are checked against this list. */
export interface MetricDefinition {
  /** The processes that have it. */
  readonly of: readonly Role[]
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** What it counts or measures; the base unit is in the name. */
  readonly help: string
  /** Beside `stage` and `position`, which all series have; it is of two digits, so that any list sorts in the order of the flow. */
  readonly labels: readonly string[]
  readonly buckets?: readonly number[]
}

/** Seconds, from half a millisecond to five minutes: a message may take either. */
const seconds = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
]

type Make = (help: string, ...labels: string[]) => MetricDefinition

const counter =
  (...of: readonly Role[]): Make =>
  (help, ...labels) => ({ of, type: 'counter', help, labels })
const gauge =
  (...of: readonly Role[]): Make =>
  (help, ...labels) => ({ of, type: 'gauge', help, labels })
const histogram = (help: string, buckets: readonly number[]): MetricDefinition => ({
  of: ['stage'],
  type: 'histogram',
  help,
  labels: [],
  buckets,
})
const duration = (help: string): MetricDefinition => histogram(help, seconds)

const counted = counter('stage')
const everywhere = counter('stage', 'generator', 'monitor')
const said = gauge('monitor')
/** The monitor speaks of each stage: `stage` and `position` are those of the stage that it is said about. */
const saidOfStage: Make = (help, ...labels) => said(help, 'stage', 'position', ...labels)

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
    'Messages taken: processed, redelivered, copy (dropped), or dead with its reason',
    'outcome',
    'reason',
  ),
  throughline_batch_messages: histogram('Messages in a batch', [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]),
  throughline_busy_seconds_total: counted('Seconds in which at least one batch was in work'),
  throughline_bad_headers_total: counted('Headers of the machinery that were there but of no use'),
  throughline_clock_corrections_total: counted(
    'Times that two clocks disagreed by more than 2 ms and one was overruled',
  ),
  throughline_spans_lost_total: everywhere('Spans that found no room or were not taken by the backend'),
  throughline_retries_total: everywhere(
    'Attempts that failed and were made again, or got no answer for 10 s',
    'server',
  ),
  throughline_reconnects_total: everywhere('Times that a server works again after it had failed', 'server'),
  throughline_rebalances_total: counted('Times that the consumer group gave out its partitions'),
  throughline_pool_waiting: gauge('stage')('Queries that wait for a connection to Postgres'),

  throughline_backlog_messages: saidOfStage(
    'Messages waiting in front of a stage, by the broker: end offset - committed offset',
    'partition',
  ),
  throughline_backlog_age_seconds: saidOfStage(
    'Age of the oldest message waiting; 0 when nothing waits',
    'partition',
  ),
  throughline_arrivals_per_second: saidOfStage('Messages a second that arrive in front of a stage'),
  throughline_served_per_second: saidOfStage('Messages a second that a stage is done with'),
  throughline_drain_seconds: saidOfStage('Until nothing waits, as things go; absent when that is never'),
  throughline_group_members: saidOfStage('Processes that run a stage: members of its consumer group'),
  throughline_partitions: saidOfStage('Partitions of the topic that a stage reads'),
  throughline_partitions_assigned: saidOfStage('Of these, how many a process takes from'),
  throughline_utilisation_ratio: saidOfStage(
    'Share of its time in which a process of the stage is busy, 0 to 1',
  ),
  throughline_verdict: saidOfStage('0 OK, 1 CATCHING UP, 2 FALLING BEHIND, 3 STALLED, 4 STOPPED, 5 UNKNOWN'),
  throughline_missing_messages: saidOfStage(
    'Messages that the rows say wait in front of a stage and the broker does not have',
  ),
  throughline_ledger_messages: said(
    'All messages by account: entered, in_flight, finished, dead, copies, missing',
    'account',
  ),
  throughline_monitor_active: said('1 in the monitor that samples, 0 in one that stands by'),
  throughline_sampled_at_seconds: said('When the monitor last sampled, seconds since the epoch'),
  throughline_alert_notifications_total: counter('monitor')(
    'Alerts that Grafana has notified the monitor of',
    'status',
  ),
  throughline_rows_removed_total: counter('monitor')('Rows that were older than RETENTION', 'table'),
} as const satisfies Readonly<Record<`throughline_${string}`, MetricDefinition>>

export type MetricName = keyof typeof metricList
