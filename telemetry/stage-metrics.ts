import type { DeadLetter } from '../pipeline/compute.ts'
import type { Message } from '../pipeline/message.ts'
import type { Publication, Published } from '../pipeline/publish.ts'
import type { Route } from '../pipeline/route.ts'
import type { Metrics } from './metrics.ts'

/** Clocks of two machines that agree are this close, in milliseconds. */
const AGREEMENT_MS = 2

/** Counts a batch and measures its messages. What was taken before, and was measured then, only counts. */
export function measure(publication: Publication, route: Route, metrics: Metrics): void {
  const { results, deadLetters, redelivered, copies } = publication
  const freshResults = results.filter(({ message }) => !redelivered.has(message))
  const freshLetters = deadLetters.filter(({ message }) => !redelivered.has(message))
  metrics.observe('throughline_batch_messages', results.length + deadLetters.length + copies.length)
  countMessages(metrics, 'processed', freshResults.length)
  countMessages(metrics, 'redelivered', redelivered.size)
  countMessages(metrics, 'copy', copies.length)
  for (const { reason } of freshLetters) countMessages(metrics, 'dead', 1, reason)
  for (const result of freshResults) measureResult(result, route, metrics)
  for (const letter of freshLetters) measureLetter(letter, metrics)
}

function countMessages(
  metrics: Metrics,
  outcome: string,
  messages: number,
  reason: DeadLetter['reason'] | '' = '',
): void {
  if (messages > 0) metrics.count('throughline_messages_total', messages, { outcome, reason })
}

function measureResult(result: Published, route: Route, metrics: Metrics): void {
  const { message, startedAt, computedAt, sentAt, arrivedAt, receipt, skewMs } = result
  // Only a trace that is kept can be opened from a point on a chart.
  const traceId = message.parent?.sampled ? message.parent.traceId : undefined
  metrics.observe('throughline_wait_seconds', (startedAt - message.queuedAt) / 1000, traceId)
  metrics.observe('throughline_work_seconds', (computedAt - startedAt) / 1000, traceId)
  metrics.observe('throughline_save_seconds', (sentAt - computedAt) / 1000, traceId)
  metrics.observe('throughline_publish_seconds', (arrivedAt - sentAt) / 1000, traceId)
  if (route.isLast) {
    metrics.observe('throughline_end_to_end_seconds', (arrivedAt - message.enteredAt) / 1000, traceId)
  }
  countOddities(message, metrics, skewMs, arrivedAt - receipt.appendedAt)
}

function measureLetter({ message, startedAt, computedAt, skewMs }: DeadLetter, metrics: Metrics): void {
  metrics.observe('throughline_wait_seconds', (startedAt - message.queuedAt) / 1000)
  metrics.observe('throughline_work_seconds', (computedAt - startedAt) / 1000)
  countOddities(message, metrics, skewMs)
}

function countOddities(message: Message, metrics: Metrics, ...skews: readonly number[]): void {
  if (message.badHeaders > 0) metrics.count('throughline_bad_headers_total', message.badHeaders)
  const corrections = [message.skewMs, ...skews].filter((skew) => skew > AGREEMENT_MS).length
  if (corrections > 0) metrics.count('throughline_clock_corrections_total', corrections)
}
