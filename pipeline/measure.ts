import { reasons } from '../stages/refusal.ts'
import type { DeadLetter, Message, PublishedResult } from '../sql/outcome.ts'
import { exportsTraces, type Config } from './config.ts'
import type { PublishedBatch } from './deliver.ts'
import type { Route } from './route.ts'
import type { MetricName } from '../telemetry/metric-list.ts'
import { roleOf, type Metrics } from '../telemetry/metrics.ts'
import { isSlow, traceIdOf } from '../telemetry/trace-context.ts'

/** Milliseconds by which the clocks of two machines differ normally. */
const AGREEMENT_MS = 2

type Computed = Pick<PublishedResult, 'message' | 'startedAt' | 'computedAt'>

/** How to measure a message, in milliseconds, by the name of the metric. */
type Durations<T> = Readonly<Partial<Record<MetricName, (one: T) => number>>>

const ofAll: Durations<Computed> = {
  throughline_wait_seconds: ({ message, startedAt }) => startedAt - message.queuedAt,
  throughline_work_seconds: ({ startedAt, computedAt }) => computedAt - startedAt,
}
const ofResults: Durations<PublishedResult> = {
  throughline_save_seconds: ({ computedAt, sentAt }) => sentAt - computedAt,
  throughline_publish_seconds: ({ sentAt, arrivedAt }) => arrivedAt - sentAt,
}
const ofFinished: Durations<PublishedResult> = {
  throughline_end_to_end_seconds: ({ message, arrivedAt }) => arrivedAt - message.enteredAt,
}

/** The trace id of an exemplar, for a message of this age in milliseconds; undefined when the trace will not be kept. */
export type TraceOf = (message: Message, ageMs: number) => string | undefined

/** Counts a batch and measures its messages. Redelivered messages are only counted: their first delivery was measured. */
export function measure(
  batch: PublishedBatch,
  route: Route,
  { metrics, traceOf }: { readonly metrics: Metrics; readonly traceOf: TraceOf },
): void {
  const { redelivered, duplicates } = batch
  const isFresh = ({ message }: Computed) => !redelivered.has(message)
  const results = batch.results.filter(isFresh)
  const letters = batch.deadLetters.filter(isFresh)
  const size = batch.results.length + batch.deadLetters.length + duplicates.length
  metrics.observe('throughline_batch_messages', [size], Number)
  const count = (outcome: string, messages: number, reason: DeadLetter['reason'] | '' = '') =>
    metrics.count('throughline_messages_total', messages, { outcome, reason })
  count('processed', results.length)
  count('redelivered', redelivered.size)
  count('duplicate', duplicates.length)
  for (const { reason } of letters) count('dead', 1, reason)
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

/** An exemplar names a trace only where the tracer will export it. */
export function exemplarTraces({ TRACE_SLOWER_THAN }: Config): TraceOf {
  if (!exportsTraces()) return () => undefined
  return (message, ageMs) => {
    const isExported = message.parent?.sampled === true || isSlow(ageMs, TRACE_SLOWER_THAN)
    return isExported ? traceIdOf(message) : undefined
  }
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

function countAnomalies(message: Message, metrics: Metrics, ...skews: readonly number[]): void {
  if (message.badHeaders > 0) metrics.count('throughline_bad_headers_total', message.badHeaders)
  const corrections = [message.skewMs, ...skews].filter((skew) => skew > AGREEMENT_MS).length
  if (corrections > 0) metrics.count('throughline_clock_corrections_total', corrections)
}
