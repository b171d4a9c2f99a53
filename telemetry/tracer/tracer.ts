import { addAbortListener } from 'node:events'
import { exportsTraces, tracesProtocol } from '../../pipeline/config.ts'
import type { Batch } from '../../kafka/consumer.ts'
import { runConsumer, type Retry } from '../../pipeline/consumer-process.ts'
import { openDatabase, type Database } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka } from '../../kafka/client.ts'
import type { Message } from '../../pipeline/message.ts'
import type { ProcessContext } from '../../pipeline/process-context.ts'
import { endTopics } from '../../pipeline/route.ts'
import { timeouts, within } from '../timeouts.ts'
import type { Metrics } from '../metrics.ts'
import { createTraceExporter, exportTraces, type TraceExporter } from './exporter.ts'
import { isKept, type KeepRules } from './is-kept.ts'
import { createResources } from './resources.ts'
import { spansOf, type SpanOptions } from './spans.ts'
import { createDeadLetterMemory, readEnded, type DeadLetterMemory, type Skipped } from './read-ended.ts'

/** Messages whose spans are made and exported together, thirteen spans each. */
const MAX_BATCH_MESSAGES = 200

interface Tracer extends Pick<ProcessContext, 'log'> {
  readonly metrics: Metrics
  readonly database: Database
  readonly exporter: TraceExporter
  readonly rules: KeepRules
  readonly spanOptions: SpanOptions
  readonly deadLetters: DeadLetterMemory
}

/**
 * The tracer as a process: one more consumer group, on the topics where messages end. It decides which traces to keep, makes
 * their spans from the rows, exports them, waits for the answer and commits. Without an endpoint it only commits.
 */
export async function runTracer(
  process: ProcessContext,
  metrics: Metrics,
  stopping: AbortSignal,
): Promise<void> {
  const { config, log } = process
  const { group, topics, deadLetterTopic } = endTopics(config)
  const settings = kafkaSettings(config, group)
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(
    openDatabase(config, 4, (error) => log.debug({ err: error }, 'A connection to Postgres broke')),
    (pool) => pool.end(),
  )
  const exporter = exportsTraces()
    ? opened.adopt(await openExporter(process, metrics), (one) => one.close())
    : undefined
  if (exporter === undefined) log.info('OTEL_EXPORTER_OTLP_ENDPOINT is not set: no trace is exported.')
  const tracer = exporter && {
    log,
    metrics,
    database,
    exporter,
    rules: { deadLetterTopic, slowerThan: config.TRACE_SLOWER_THAN },
    spanOptions: { topicPrefix: config.TOPIC_PREFIX, finishTopic: topics[0], resourceOf: createResources() },
    deadLetters: createDeadLetterMemory(),
  }
  const handleBatch = async (batch: Batch<Message>, retry: Retry) => {
    const messages = batch.messages.slice(0, MAX_BATCH_MESSAGES)
    if (tracer !== undefined) await trace({ ...batch, messages }, tracer, retry)
    await batch.commit(messages.length)
    return messages.length
  }
  const kafka = createKafka(settings, log)
  const work = { group, topics, kafka, settings, database, maxBatchMessages: MAX_BATCH_MESSAGES, handleBatch }
  await runConsumer(process, work, stopping)
}

async function openExporter({ config, log }: ProcessContext, metrics: Metrics): Promise<TraceExporter> {
  return await createTraceExporter({
    protocol: tracesProtocol(config),
    log,
    onRefused: (spans) => {
      metrics.count('throughline_spans_refused_total', spans)
      log.warn(`The trace backend refused ${spans} span(s).`)
    },
  })
}

/** What became of a message that came to the tracer. */
type Outcome = 'exported' | 'not-kept' | 'refused' | Skipped

function count({ metrics }: Tracer, outcome: Outcome, messages: number): void {
  if (messages > 0) metrics.count('throughline_traces_total', messages, { outcome })
}

async function trace(batch: Batch<Message>, tracer: Tracer, retry: Retry): Promise<void> {
  const { signal, messages } = batch
  const kept = messages.filter((message) => isKept(message, tracer.rules))
  count(tracer, 'not-kept', messages.length - kept.length)
  if (kept.length === 0) return
  const { ended, skipped } = await readEnded(kept, { ...tracer, signal, retry })
  for (const [outcome, some] of skipped) count(tracer, outcome, some)
  const traces = ended.map(({ rows, message }) =>
    spansOf(rows, { ...tracer.spanOptions, deadLetter: recordOf(message) }),
  )
  const exporting = () => within(timeouts.export, 'the export', exportTraces(traces, tracer.exporter))
  const refused = await retry((using) => using('The trace backend', () => unlessAborted(signal, exporting())))
  for (const spans of refused) {
    const traceId = spans[0]?.spanContext().traceId
    tracer.log.error({ traceId, spans: spans.length }, 'The trace backend refuses this trace: it is dropped.')
  }
  count(tracer, 'exported', traces.length - refused.length)
  count(tracer, 'refused', refused.length)
}

/** A process that is to end does not wait for a backend that hangs: the batch comes again. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const stopped = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => stopped.reject(signal.reason))
  return await Promise.race([promise, stopped.promise])
}

function recordOf({ topic, partition, offset, queuedAt }: Message) {
  return { topic, partition, offset, appendedAt: Math.round(queuedAt * 1000) }
}
