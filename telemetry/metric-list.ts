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
  throughline_bad_headers_total: counter('Headers of the machinery that were there but of no use'),
  throughline_clock_corrections_total: counter(
    'Times that two clocks disagreed by more than 2 ms and one was overruled',
  ),
  throughline_spans_lost_total: counter('Spans that found no room or were not taken by the backend'),
} as const satisfies Readonly<Record<`throughline_${string}`, MetricDefinition>>

export type MetricName = keyof typeof metricList
