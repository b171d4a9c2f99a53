import { createKafka } from '../../kafka/client.ts'
import type { Batch } from '../../kafka/consumer.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { exportsTraces, tracesProtocol } from '../../pipeline/config.ts'
import { runConsumer } from '../../pipeline/consumer-process.ts'
import type { Message } from '../../pipeline/message.ts'
import type { ProcessContext } from '../../pipeline/process.ts'
import type { Retry } from '../../pipeline/retry.ts'
import { endTopics } from '../../pipeline/route.ts'
import { openDatabase } from '../../sql/database.ts'
import type { Metrics } from '../metrics.ts'
import { timeouts, within } from '../timeouts.ts'
import { unlessAborted } from '../wait-until.ts'
import { createResources, createTraceExporter, exportTraces, type TraceExporter } from './exporter.ts'
import { isKept } from './tail-sampling.ts'
import { createDeadLetterFilter, readEnded, type ReadEndedOptions } from './read-ended.ts'
import { spansOf, type SpanOptions } from './spans.ts'

/** Messages whose spans are made and exported together, thirteen spans each. */
const MAX_BATCH_MESSAGES = 200

interface Tracer extends Omit<ReadEndedOptions, 'signal' | 'retry'> {
  readonly metrics: Metrics
  readonly exporter: TraceExporter
  readonly spanOptions: SpanOptions
}

/** What can become of the trace of a message that reached its end. */
const OUTCOMES = ['exported', 'not-kept', 'duplicate', 'without-rows', 'refused'] as const

/**
 * Runs the tracer: one more consumer group, on the topics where messages end. It decides which traces to keep, makes their
 * spans from the rows, exports them, waits for the answer and commits. Without an endpoint it only commits.
 */
export async function runTracer(process: ProcessContext, metrics: Metrics, stopping: AbortSignal): Promise<void> {
  const { config, log } = process
  const { group, topics, deadLetterTopic } = endTopics(config)
  for (const outcome of OUTCOMES) metrics.count('throughline_traces_total', 0, { outcome })
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(openDatabase(config, 4, log), (pool) => pool.end())
  let tracer: Tracer | undefined
  if (exportsTraces()) {
    const exporter = opened.adopt(await openExporter(process, metrics), (one) => one.close())
    const { TRACE_SLOWER_THAN: slowerThan, TOPIC_PREFIX: topicPrefix } = config
    const spanOptions = { topicPrefix, finishTopic: topics[0], resourceOf: createResources() }
    const isFirstDeadLetter = createDeadLetterFilter()
    const rules = { deadLetterTopic, slowerThan }
    tracer = { log, metrics, database, exporter, rules, spanOptions, isFirstDeadLetter }
  } else {
    log.info('No trace is exported: OTEL_EXPORTER_OTLP_ENDPOINT is not set, or tracing is disabled by OTEL_*.')
  }
  const handleBatch = async (batch: Batch<Message>, retry: Retry) => {
    const messages = batch.messages.slice(0, MAX_BATCH_MESSAGES)
    if (tracer !== undefined) await trace({ ...batch, messages }, tracer, retry)
    await batch.commit(messages.length)
    return messages.length
  }
  const settings = kafkaSettings(config, group)
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

async function trace(batch: Batch<Message>, tracer: Tracer, retry: Retry): Promise<void> {
  const { signal, messages } = batch
  const count = (outcome: (typeof OUTCOMES)[number], some: number) =>
    tracer.metrics.count('throughline_traces_total', some, { outcome })
  const kept = messages.filter((message) => isKept(message, tracer.rules))
  count('not-kept', messages.length - kept.length)
  if (kept.length === 0) return
  const { ended, skipped } = await readEnded(kept, { ...tracer, signal, retry })
  for (const [outcome, some] of skipped) count(outcome, some)
  const traces = ended.map(({ rows, message: { topic, partition, offset, queuedAt } }) => {
    const deadLetter = { topic, partition, offset, appendedAt: Math.round(queuedAt * 1000) }
    return spansOf(rows, { ...tracer.spanOptions, deadLetter })
  })
  const exporting = () => within(timeouts.export, 'the export', exportTraces(traces, tracer.exporter))
  // A process that stops does not wait for a backend that hangs: the batch is delivered again.
  const refused = await retry((withServer) => withServer('The trace backend', () => unlessAborted(exporting(), signal)))
  for (const spans of refused) {
    const traceId = spans[0]?.spanContext().traceId
    tracer.log.error({ traceId, spans: spans.length }, 'The trace backend refuses this trace: it is dropped.')
  }
  count('exported', traces.length - refused.length)
  count('refused', refused.length)
}
