import type { DeadLetter } from '../pipeline/compute.ts'
import type { Message } from '../pipeline/message.ts'
import type { Publication } from '../pipeline/deliver.ts'
import type { Published } from '../pipeline/publish.ts'
import type { Route } from '../pipeline/route.ts'
import type { MetricName } from './metric-list.ts'
import type { Metrics } from './metrics.ts'

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

/**
 * Counts a batch and measures its messages. What was taken before only counts: measured already, or, if the process was
 * killed then, never to be measured.
 */
export function measure(publication: Publication, route: Route, metrics: Metrics): void {
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
  observe(ofAll, [...results, ...letters], metrics)
  observe(ofResults, results, metrics)
  if (route.isLast) observe(ofFinished, results, metrics)
  for (const { message, skewMs, sentSkewMs, arrivedAt, metadata } of results) {
    countOddities(message, metrics, skewMs, sentSkewMs, arrivedAt - metadata.appendedAt)
  }
  for (const { message, skewMs } of letters) countOddities(message, metrics, skewMs)
}

function observe<T extends Computed>(durations: Durations<T>, all: readonly T[], metrics: Metrics): void {
  for (const [name, duration] of Object.entries(durations)) {
    metrics.observe(name as MetricName, all, (one) => duration(one) / 1000, keptTrace)
  }
}

/** Only a trace that is kept can be opened from a point on a chart. */
function keptTrace({ message: { parent } }: Computed): string | undefined {
  return parent?.sampled ? parent.traceId : undefined
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
