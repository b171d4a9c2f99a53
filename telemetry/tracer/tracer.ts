import { createKafka } from '../../kafka/client.ts'
import type { Batch } from '../../kafka/consumer.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { exportsTraces, tracesProtocol, type Config } from '../../pipeline/config.ts'
import { runConsumer } from '../../pipeline/consumer-process.ts'
import type { Message } from '../../sql/outcome.ts'
import type { ProcessContext } from '../../pipeline/process.ts'
import type { Retry } from '../../pipeline/retry.ts'
import { endTopics } from '../../pipeline/route.ts'
import { openDatabase, type Queryable } from '../../sql/database.ts'
import { createLog } from '../log.ts'
import { timeouts, within } from '../timeouts.ts'
import { UserError } from '../user-error.ts'
import { unlessAborted } from '../wait-until.ts'
import { createResources, createTraceExporter, exportTraces, type TraceExporter } from './exporter.ts'
import { createDeadLetterFilter, isKept, readEnded, type ReadEndedOptions, type Skipped } from './read-ended.ts'
import { spansOf, type SpanOptions } from './spans.ts'
import { readAttempts, readTraceRows } from './trace-rows.ts'

/** Messages whose spans are made and exported together, thirteen spans each. */
const MAX_BATCH_MESSAGES = 200

/** What can become of the trace of a message that reached its end. */
type Outcome = 'exported' | 'not-kept' | 'refused' | Skipped

interface Tracer extends Omit<ReadEndedOptions, 'signal' | 'retry' | 'onSkipped'> {
  readonly exporter: TraceExporter
  readonly spanOptions: SpanOptions
  readonly count: (outcome: Outcome, messages: number) => void
}

/**
 * Runs the tracer: one more consumer group, on the topics where messages end. It decides which traces to keep, makes their
 * spans from the rows, exports them, waits for the answer and commits. Without an endpoint it only commits.
 */
export async function runTracer(context: ProcessContext, stopping: AbortSignal): Promise<void> {
  const { config, log, metrics } = context
  const { group, topics, deadLetterTopic } = endTopics(config)
  const count: Tracer['count'] = (outcome, messages) => metrics.count('throughline_traces_total', messages, { outcome })
  for (const outcome of ['exported', 'not-kept', 'duplicate', 'without-rows', 'refused'] as const) count(outcome, 0)
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(openDatabase(config, 4, log), (pool) => pool.end())
  let tracer: Tracer | undefined
  if (exportsTraces()) {
    const onRefused = (spans: number) => {
      metrics.count('throughline_spans_refused_total', spans)
      log.warn(`The trace backend refused ${spans} span(s).`)
    }
    const created = await createTraceExporter(tracesProtocol(config), log, onRefused)
    const exporter = opened.adopt(created, (one) => one.close())
    const rules = { deadLetterTopic, slowerThan: config.TRACE_SLOWER_THAN }
    const isFirstDeadLetter = createDeadLetterFilter()
    tracer = { log, database, exporter, rules, isFirstDeadLetter, count, spanOptions: spanOptionsOf(config) }
  } else {
    log.info('No trace is exported: OTEL_EXPORTER_OTLP_ENDPOINT is not set, or tracing is disabled by OTEL_*.')
  }
  const handleBatch = async (batch: Batch<Message>, retry: Retry) => {
    const messages = batch.messages.slice(0, MAX_BATCH_MESSAGES)
    if (tracer !== undefined) await trace({ ...batch, messages }, tracer, retry)
    batch.commit(messages.length)
    return messages.length
  }
  const settings = kafkaSettings(config, group)
  const kafka = createKafka(settings, log)
  const work = { group, topics, kafka, settings, database, maxBatchMessages: MAX_BATCH_MESSAGES, handleBatch }
  await runConsumer(context, work, stopping)
}

function spanOptionsOf(config: Config): SpanOptions {
  return { topicPrefix: config.TOPIC_PREFIX, finishTopic: endTopics(config).topics[0], resourceOf: createResources() }
}

async function trace(batch: Batch<Message>, tracer: Tracer, retry: Retry): Promise<void> {
  const { signal, messages } = batch
  const { count, spanOptions, exporter, log } = tracer
  const kept = messages.filter((message) => isKept(message, tracer.rules))
  count('not-kept', messages.length - kept.length)
  if (kept.length === 0) return
  const ended = await readEnded(kept, { ...tracer, signal, retry, onSkipped: count })
  const traces = ended.map(({ rows, message: { topic, partition, offset, queuedAt } }) => {
    const deadLetter = { topic, partition, offset, appendedAt: Math.round(queuedAt * 1000) }
    return spansOf(rows, { ...spanOptions, deadLetter })
  })
  const exporting = () => within(timeouts.export, 'the export', exportTraces(traces, exporter))
  // A process that stops does not wait for a backend that hangs: the batch is delivered again.
  const refused = await retry((withServer) => withServer('The trace backend', () => unlessAborted(exporting(), signal)))
  for (const spans of refused) {
    const traceId = spans[0]?.spanContext().traceId
    log.error({ traceId, spans: spans.length }, 'The trace backend refuses this trace: it is dropped.')
  }
  count('exported', traces.length - refused.length)
  count('refused', refused.length)
}

/**
 * Exports the traces of messages as far as they have got, whatever the sampling decision: complete steps only.
 * @yields a line for each attempt
 * @throws {UserError} when a message has no row, or the backend refuses the spans or is away
 */
export async function* exportAttempts(ids: readonly string[], config: Config, database: Queryable): AsyncGenerator<string> {
  let refused = 0
  const log = createLog(config.LOG_LEVEL, {})
  const exporter = await createTraceExporter(tracesProtocol(config), log, (spans) => (refused += spans))
  const options = spanOptionsOf(config)
  try {
    for (const id of ids) {
      const attempts = await readAttempts(database, id)
      if (attempts.length === 0) throw new UserError(`No stage has a row of message ${id} yet.`)
      for (const rows of await readTraceRows(database, attempts)) {
        const spans = spansOf(rows, options)
        await exporter.export(spans).catch((cause: unknown) => {
          throw new UserError(`The spans could not be exported: ${String(cause)}`, { cause })
        })
        yield `${id}  attempt ${rows.attempt}: trace ${rows.steps[0]?.traceId}, ${spans.length} span(s)`
      }
    }
  } finally {
    await exporter.close()
  }
  if (refused > 0) throw new UserError(`The trace backend refused ${refused} of the spans.`)
}
