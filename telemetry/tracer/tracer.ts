import { setTimeout as pause } from 'node:timers/promises'
import { exportsTraces, tracesProtocol } from '../../pipeline/config.ts'
import type { Batch } from '../../kafka/consumer.ts'
import { runConsumer, type Retry } from '../../pipeline/consumer-process.ts'
import { openDatabase, type Database } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka } from '../../kafka/client.ts'
import type { Message } from '../../pipeline/message.ts'
import type { ProcessContext } from '../../pipeline/process-context.ts'
import { endTopics } from '../../pipeline/route.ts'
import type { Metrics } from '../metrics.ts'
import { createTraceExporter, exportTraces, type TraceExporter } from './exporter.ts'
import { isKept, type KeepRules } from './is-kept.ts'
import { createResources } from './resources.ts'
import { spansOf, type SpanOptions } from './spans.ts'
import { keyOf, readTraceRows, type TraceRows } from './trace-rows.ts'

/** Messages whose spans are made and exported together, thirteen spans each. */
const MAX_BATCH_MESSAGES = 200

interface Tracer extends Pick<ProcessContext, 'log'> {
  readonly metrics: Metrics
  readonly database: Database
  readonly exporter: TraceExporter
  readonly rules: KeepRules
  readonly spanOptions: SpanOptions
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
  }
  const handleBatch = async (batch: Batch<Message>, retry: Retry) => {
    const messages = batch.messages.slice(0, MAX_BATCH_MESSAGES)
    if (tracer !== undefined) await trace(messages, tracer, retry)
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
type Outcome = 'exported' | 'not-kept' | 'duplicate' | 'without-rows' | 'refused'

function count({ metrics }: Tracer, outcome: Outcome, messages: number): void {
  if (messages > 0) metrics.count('throughline_traces_total', messages, { outcome })
}

async function trace(messages: readonly Message[], tracer: Tracer, retry: Retry): Promise<void> {
  const kept = messages.filter((message) => isKept(message, tracer.rules))
  count(tracer, 'not-kept', messages.length - kept.length)
  if (kept.length === 0) return
  const ended = await readEnded(kept, tracer, retry)
  const traces = ended.map(({ rows, message }) =>
    spansOf(rows, { ...tracer.spanOptions, deadLetter: recordOf(message) }),
  )
  const refused = await retry((using) =>
    using('The trace backend', () => exportTraces(traces, tracer.exporter)),
  )
  for (const spans of refused) {
    const traceId = spans[0]?.spanContext().traceId
    tracer.log.error({ traceId, spans: spans.length }, 'The trace backend refuses this trace: it is dropped.')
  }
  count(tracer, 'exported', traces.length - refused.length)
  count(tracer, 'refused', refused.length)
}

function recordOf({ topic, partition, offset, queuedAt }: Message) {
  return { topic, partition, offset, appendedAt: Math.round(queuedAt * 1000) }
}

interface Ended {
  readonly message: Message
  readonly rows: TraceRows
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1000

/**
 * The rows of messages that came to their end. The record on the last topic comes before its row in `finished`, so a row
 * that is missing is waited for. Records that are not traced are counted: a second one of the same message, and one without
 * rows, which was not sent by the pipeline.
 */
async function readEnded(kept: readonly Message[], tracer: Tracer, retry: Retry): Promise<Ended[]> {
  const ended: Ended[] = []
  let missing = kept
  for (let pauseMs = FIRST_PAUSE_MS; missing.length > 0; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const rows = await retry((using) => using('Postgres', () => readTraceRows(tracer.database, missing)))
    const read = missing.flatMap((message, index) => {
      const known = rows[index]
      return known === undefined ? [] : [{ message, rows: known }]
    })
    const found = Map.groupBy(read, (one) => whatIs(one, tracer.rules))
    ended.push(...(found.get('ended') ?? []))
    count(tracer, 'duplicate', found.get('duplicate')?.length ?? 0)
    count(tracer, 'without-rows', found.get('without-rows')?.length ?? 0)
    missing = found.get('unfinished')?.map(({ message }) => message) ?? []
    if (missing.length > 0) await pause(pauseMs)
  }
  return [...new Map(ended.map((one) => [keyOf(one.rows), one])).values()]
}

function whatIs({ message, rows }: Ended, { deadLetterTopic }: KeepRules) {
  if (message.topic === deadLetterTopic) {
    return rows.steps.some(({ reason }) => reason !== null) ? 'ended' : 'without-rows'
  }
  const { finished } = rows
  if (rows.steps.length === 0) return 'without-rows'
  if (finished === undefined) return 'unfinished'
  const isFirst = finished.partition === message.partition && finished.offset === message.offset
  return isFirst ? 'ended' : 'duplicate'
}
