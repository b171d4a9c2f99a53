import { reasons } from '../stages/refusal.ts'
import type { DeadLetter } from './compute.ts'
import type { Message } from './message.ts'
import type { Publication } from './deliver.ts'
import type { Published } from './publish.ts'
import type { Route } from './route.ts'
import type { MetricName } from '../telemetry/metric-list.ts'
import { roleOf, type Metrics } from '../telemetry/metrics.ts'

/** Milliseconds by which the clocks of two machines differ normally. */
const AGREEMENT_MS = 2

type Computed = Pick<Published, 'message' | 'startedAt' | 'computedAt'>

/** How to measure a message, in milliseconds, by the name of the metric. */
type Durations<T> = Readonly<Partial<Record<MetricName, (one: T) => number>>>

const ofAll: Durations<Computed> = {
  throughline_wait_seconds: ({ message, startedAt }) => startedAt - message.queuedAt,
  throughline_work_seconds: ({ startedAt, computedAt }) => computedAt - startedAt,
}
const ofResults: Durations<Published> = {
  throughline_save_seconds: ({ computedAt, sentAt }) => sentAt - computedAt,
  throughline_publish_seconds: ({ sentAt, arrivedAt }) => arrivedAt - sentAt,
}
const ofFinished: Durations<Published> = {
  throughline_end_to_end_seconds: ({ message, arrivedAt }) => arrivedAt - message.enteredAt,
}

/** The trace id of an exemplar, for a message of this age in milliseconds; undefined when the trace will not be kept. */
export type TraceOf = (message: Message, ageMs: number) => string | undefined

export interface MeasureOptions {
  readonly metrics: Metrics
  readonly traceOf: TraceOf
}

/** Counts a batch and measures its messages. Redelivered messages are only counted: their first delivery was measured. */
export function measure(publication: Publication, route: Route, { metrics, traceOf }: MeasureOptions): void {
  const { redelivered, duplicates } = publication
  const isFresh = ({ message }: Computed) => !redelivered.has(message)
  const results = publication.results.filter(isFresh)
  const letters = publication.deadLetters.filter(isFresh)
  const size = publication.results.length + publication.deadLetters.length + duplicates.length
  metrics.observe('throughline_batch_messages', [size], Number)
  countMessages(metrics, 'processed', results.length)
  countMessages(metrics, 'redelivered', redelivered.size)
  countMessages(metrics, 'duplicate', duplicates.length)
  for (const { reason } of letters) countMessages(metrics, 'dead', 1, reason)
  const observe = <T extends Computed>(durations: Durations<T>, all: readonly T[]) => {
    for (const [name, duration] of Object.entries(durations)) {
      metrics.observe(
        name as MetricName,
        all,
        (one) => duration(one) / 1000,
        (one) => traceOf(one.message, one.computedAt - one.message.enteredAt),
      )
    }
  }
  observe(ofAll, [...results, ...letters])
  observe(ofResults, results)
  if (route.isLast) observe(ofFinished, results)
  for (const { message, skewMs, sentSkewMs, arrivedAt, metadata } of results) {
    countAnomalies(message, metrics, skewMs, sentSkewMs, arrivedAt - metadata.appendedAt)
  }
  for (const { message, skewMs } of letters) countAnomalies(message, metrics, skewMs)
}

/** Starts a process's counters at 0, where their labels are known: a series that begins with its first count shows no increase. */
export function initialiseCounters(metrics: Metrics, stage: string): void {
  const role = roleOf(stage)
  // A generator saves and sends in one attempt.
  for (const server of role === 'generator' ? ['Kafka or Postgres'] : ['Kafka', 'Postgres']) {
    metrics.count('throughline_retries_total', 0, { server })
    metrics.count('throughline_reconnects_total', 0, { server })
  }
  if (role !== 'stage') return
  for (const outcome of ['processed', 'redelivered', 'duplicate'])
    metrics.count('throughline_messages_total', 0, { outcome, reason: '' })
  for (const reason of Object.keys(reasons)) metrics.count('throughline_messages_total', 0, { outcome: 'dead', reason })
}

function countMessages(metrics: Metrics, outcome: string, messages: number, reason: DeadLetter['reason'] | '' = ''): void {
  if (messages > 0) metrics.count('throughline_messages_total', messages, { outcome, reason })
}

function countAnomalies(message: Message, metrics: Metrics, ...skews: readonly number[]): void {
  if (message.badHeaders > 0) metrics.count('throughline_bad_headers_total', message.badHeaders)
  const corrections = [message.skewMs, ...skews].filter((skew) => skew > AGREEMENT_MS).length
  if (corrections > 0) metrics.count('throughline_clock_corrections_total', corrections)
}
