import { SpanKind, SpanStatusCode, TraceFlags, type HrTime, type Link, type SpanContext } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { spanId, type SpanKindName } from '../trace-context.ts'
import type { SentRecord, TraceRows, TraceStep } from './trace-rows.ts'

export interface SpanOptions {
  readonly topicPrefix: string
  /** The resource of a service, by its name. */
  readonly resourceOf: (service: string) => Resource
  /** The topic that the last stage writes. */
  readonly finishTopic: string
  /** The record of a dead letter on its topic; where it is unknown, there is no span that sent it. */
  readonly deadLetter?: SentRecord | undefined
}

/**
 * The spans of an attempt, with the times of its rows: for each complete step a CONSUMER span, child of the span that sent the
 * message, and its child, the PRODUCER span of the record that was sent. Before them comes the span with which the message
 * entered, where the rows say that a service of the pipeline sent it.
 */
export function spansOf(rows: TraceRows, options: SpanOptions): ReadableSpan[] {
  return [...entrySpan(rows, options), ...rows.steps.flatMap((step, index) => stepSpans(rows, { ...step, index }, options))]
}

type IndexedStep = TraceStep & { readonly index: number }

function stepSpans(rows: TraceRows, step: IndexedStep, options: SpanOptions): ReadableSpan[] {
  const sent = sentBy(rows, step, options)
  if (sent === undefined) return []
  const { sentAt, record, isEnd } = sent
  const { stage, traceId, reason, explanation, startedAt, computedAt } = step
  const common = { stage, traceId, resource: options.resourceOf(stage), position: step.position ?? 0 }
  const process = span(rows, {
    ...common,
    operation: 'process',
    record: recordOf(step),
    parent: parentOf(rows, step),
    from: startedAt,
    to: Math.max(startedAt, sentAt),
    attributes: {
      'messaging.consumer.group.name': options.topicPrefix + stage,
      'throughline.wait_seconds': seconds(startedAt - step.queuedAt),
      'throughline.work_seconds': seconds(computedAt - startedAt),
      'throughline.save_seconds': seconds(sentAt - computedAt),
      ...(reason !== null && { 'error.type': reason }),
    },
    error: reason === null ? undefined : (explanation ?? reason),
    links: linksOf(rows, step),
  })
  if (record === undefined) return [process]
  const send = span(rows, {
    ...common,
    operation: 'send',
    record,
    parent: process.spanContext(),
    from: sentAt,
    to: Math.max(sentAt, record.appendedAt),
    attributes: {
      'throughline.publish_seconds': seconds(Math.max(0, record.appendedAt - sentAt)),
      ...(isEnd && { 'throughline.end': true }),
    },
  })
  return [process, send]
}

/**
 * When a step began to send, the record that it sent, and whether no stage receives that; undefined where the rows do not have it
 * yet.
 */
function sentBy({ steps, finished }: TraceRows, step: IndexedStep, options: SpanOptions) {
  const next = steps[step.index + 1]
  if (step.reason !== null) return { sentAt: step.computedAt, record: options.deadLetter, isEnd: true }
  if (next !== undefined) return { sentAt: next.previousSentAt ?? step.computedAt, record: recordOf(next), isEnd: false }
  if (finished === null) return undefined
  const { partition, offset, sentAt, finishedAt: appendedAt } = finished
  return { sentAt, record: { topic: options.finishTopic, partition, offset, appendedAt }, isEnd: true }
}

/** The record that a step received. */
function recordOf({ topic, stage, partition, offset, queuedAt }: TraceStep): SentRecord {
  return { topic: topic ?? stage, partition, offset, appendedAt: queuedAt }
}

function contextOf(traceId: string, id: string): SpanContext {
  return { traceId, spanId: id, traceFlags: TraceFlags.SAMPLED }
}

/** The span that sent the message: the one it came with, unless that is of an earlier step; then that of the step before. */
function parentOf(rows: TraceRows, { index, traceId, parentSpanId, previousSentAt }: IndexedStep): SpanContext | undefined {
  const remote = (id: string) => ({ ...contextOf(traceId, id), isRemote: true })
  const senders = [GENERATOR, ...rows.steps.slice(0, index).map(({ stage }) => stage)]
  const own = senders.map((stage) => spanId(rows.id, rows.attempt, stage, 'send'))
  // A stage in which the SDK is disabled forwards the traceparent that it received, of an earlier step.
  if (parentSpanId !== null && !own.includes(parentSpanId)) return remote(parentSpanId)
  const wasSent = previousSentAt !== null || (index === 0 && rows.replayedAt !== null)
  return wasSent ? remote(own.at(-1) ?? '') : undefined
}

/** A replay is linked to the first attempt's span at the stage where it begins. */
function linksOf({ id, attempt, firstTraceId }: TraceRows, { index, stage }: IndexedStep): Link[] {
  if (attempt === 1 || index > 0) return []
  return [{ context: contextOf(firstTraceId, spanId(id, 1, stage, 'process')) }]
}

/** The name from which the ids of entry spans derive, whichever service sent the message. */
const GENERATOR = 'generator'

/** Where the first stage received the id of this very span, or, without any id, where a service of the pipeline sent the record. */
function entrySpan(rows: TraceRows, { resourceOf }: SpanOptions): ReadableSpan[] {
  const { id, attempt, replayedAt, enteredBy } = rows
  const [first] = rows.steps
  if (first === undefined) return []
  const sentAt = replayedAt ?? first.previousSentAt
  const service = replayedAt === null ? enteredBy : 'replay'
  const isOurs = first.parentSpanId === null || first.parentSpanId === spanId(id, attempt, GENERATOR, 'send')
  if (!isOurs || service === null || sentAt === null) return []
  const { traceId, queuedAt } = first
  const times = { from: Math.min(sentAt, queuedAt), to: queuedAt }
  const place = { stage: GENERATOR, position: 0, resource: resourceOf(service), record: recordOf(first) }
  return [span(rows, { operation: 'send', traceId, ...place, ...times })]
}

const seconds = (micros: number) => micros / 1e6

interface SpanParts extends Partial<Pick<ReadableSpan, 'attributes' | 'links'>> {
  readonly operation: SpanKindName
  readonly traceId: string
  /** The stage from which the span's id derives. */
  readonly stage: string
  readonly position: number
  readonly resource: Resource
  readonly record: SentRecord
  readonly parent?: SpanContext | undefined
  /** Microseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly error?: string | undefined
}

/**
 * A span that has ended, as the exporters take it. Its attributes have OpenTelemetry's names for messaging; what it has no name
 * for is under `throughline`, durations in seconds.
 */
function span({ id, attempt }: TraceRows, parts: SpanParts): ReadableSpan {
  const { operation, record, parent, from, to, error } = parts
  const context = contextOf(parts.traceId, spanId(id, attempt, parts.stage, operation))
  return {
    name: `${operation} ${record.topic}`,
    kind: operation === 'process' ? SpanKind.CONSUMER : SpanKind.PRODUCER,
    resource: parts.resource,
    spanContext: () => context,
    ...(parent !== undefined && { parentSpanContext: parent }),
    startTime: hrTime(from),
    endTime: hrTime(to),
    duration: hrTime(to - from),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: {
      'messaging.system.name': 'kafka',
      'messaging.operation.name': operation,
      'messaging.operation.type': operation,
      'messaging.message.id': id,
      'messaging.destination.name': record.topic,
      'messaging.destination.partition.id': String(record.partition),
      'kafka.offset': Number(record.offset),
      'throughline.attempt': attempt,
      'throughline.position': parts.position,
      ...parts.attributes,
    },
    links: parts.links ?? [],
    events: [],
    ended: true,
    instrumentationScope: { name: 'throughline' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function hrTime(micros: number): HrTime {
  const whole = Math.floor(micros / 1e6)
  return [whole, (micros - whole * 1e6) * 1000]
}
