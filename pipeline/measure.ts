import type { DeadLetter } from './compute.ts'
import type { Message } from './message.ts'
import type { Publication } from './deliver.ts'
import type { Published } from './publish.ts'
import type { Route } from './route.ts'
import type { MetricName } from '../telemetry/metric-list.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** Clocks of two machines that agree are this close, in milliseconds. */
const AGREEMENT_MS = 2

type Computed = Pick<Published, 'message' | 'startedAt' | 'computedAt'>

/** Milliseconds that are measured of a message, by the metric that has them. */
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

/** The trace to open for a message of this age in milliseconds; undefined when none will be kept. */
export type TraceOf = (message: Message, ageMs: number) => string | undefined

export interface MeasureOptions {
  readonly metrics: Metrics
  readonly traceOf: TraceOf
}

/**
 * Counts a batch and measures its messages. What was taken before only counts: measured already, or, if the process was
 * killed then, never to be measured.
 */
export function measure(publication: Publication, route: Route, { metrics, traceOf }: MeasureOptions): void {
  const { redelivered, duplicates } = publication
  const isFresh = ({ message }: Computed) => !redelivered.has(message)
  const results = publication.results.filter(isFresh)
  const letters = publication.deadLetters.filter(isFresh)
  const taken = publication.results.length + publication.deadLetters.length + duplicates.length
  metrics.observe('throughline_batch_messages', [taken], Number)
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
    countOddities(message, metrics, skewMs, sentSkewMs, arrivedAt - metadata.appendedAt)
  }
  for (const { message, skewMs } of letters) countOddities(message, metrics, skewMs)
}

function countMessages(
  metrics: Metrics,
  outcome: string,
  messages: number,
  reason: DeadLetter['reason'] | '' = '',
): void {
  if (messages > 0) metrics.count('throughline_messages_total', messages, { outcome, reason })
}

function countOddities(message: Message, metrics: Metrics, ...skews: readonly number[]): void {
  if (message.badHeaders > 0) metrics.count('throughline_bad_headers_total', message.badHeaders)
  const corrections = [message.skewMs, ...skews].filter((skew) => skew > AGREEMENT_MS).length
  if (corrections > 0) metrics.count('throughline_clock_corrections_total', corrections)
}
