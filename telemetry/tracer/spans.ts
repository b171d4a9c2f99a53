import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  type SpanStatus,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import * as trace from '../trace-context.ts'
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
  const { sentAt, record, isEnd = false } = sentBy(rows, step, options)
  if (sentAt === undefined) return []
  const { stage, reason, explanation, startedAt, computedAt } = step
  const resource = options.resourceOf(stage)
  const received = recordOf(step)
  const position = step.position ?? 0
  const process = span({
    name: `process ${received.topic}`,
    kind: SpanKind.CONSUMER,
    resource,
    context: contextOf(rows, step, 'process'),
    parent: parentOf(rows, step),
    from: startedAt,
    to: Math.max(startedAt, sentAt),
    attributes: {
      ...attributesOf(rows, 'process', received),
      'messaging.consumer.group.name': options.topicPrefix + stage,
      'throughline.position': position,
      'throughline.wait_seconds': seconds(startedAt - step.queuedAt),
      'throughline.work_seconds': seconds(computedAt - startedAt),
      'throughline.save_seconds': seconds(sentAt - computedAt),
      ...(reason !== null && { 'error.type': reason }),
    },
    ...(reason !== null && { status: { code: SpanStatusCode.ERROR, message: explanation ?? reason } }),
    links: linksOf(rows, step),
  })
  if (record === undefined) return [process]
  const send = span({
    name: `send ${record.topic}`,
    kind: SpanKind.PRODUCER,
    resource,
    context: contextOf(rows, step, 'send'),
    parent: process.spanContext(),
    from: sentAt,
    to: Math.max(sentAt, record.appendedAt),
    attributes: {
      ...attributesOf(rows, 'send', record),
      'throughline.position': position,
      'throughline.publish_seconds': seconds(Math.max(0, record.appendedAt - sentAt)),
      ...(isEnd && { 'throughline.end': true }),
    },
  })
  return [process, send]
}

/** When a step began to send, and the record that it sent; undefined where the rows do not have it yet. */
interface Sent {
  readonly sentAt?: number
  readonly record?: SentRecord | undefined
  /** Whether no stage receives the record. */
  readonly isEnd?: boolean
}

function sentBy({ steps, finished }: TraceRows, step: IndexedStep, options: SpanOptions): Sent {
  const next = steps[step.index + 1]
  if (step.reason !== null) return { sentAt: step.computedAt, record: options.deadLetter, isEnd: true }
  if (next !== undefined) return { sentAt: next.previousSentAt ?? step.computedAt, record: recordOf(next) }
  if (finished === undefined) return {}
  const { partition, offset, sentAt, finishedAt: appendedAt } = finished
  return { sentAt, record: { topic: options.finishTopic, partition, offset, appendedAt }, isEnd: true }
}

/** The record that a step received. */
function recordOf({ topic, stage, partition, offset, queuedAt }: TraceStep): SentRecord {
  return { topic: topic ?? stage, partition, offset, appendedAt: queuedAt }
}

function contextOf({ id, attempt }: TraceRows, step: TraceStep, kind: trace.SpanKindName): SpanContext {
  return contextFrom(step.traceId, trace.spanId(id, attempt, step.stage, kind))
}

function contextFrom(traceId: string, spanId: string): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED }
}

/** The span that sent the message: the one it came with, unless that is of an earlier step; then that of the step before. */
function parentOf(rows: TraceRows, { index, traceId, parentSpanId, previousSentAt }: IndexedStep) {
  const remote = (id: string): SpanContext => ({ ...contextFrom(traceId, id), isRemote: true })
  const own = ['generator', ...rows.steps.slice(0, index).map(({ stage }) => stage)].map((name) =>
    trace.spanId(rows.id, rows.attempt, name, 'send'),
  )
  // A stage in which the SDK is disabled forwards the traceparent that it received, of an earlier step.
  if (parentSpanId !== null && !own.includes(parentSpanId)) return remote(parentSpanId)
  const wasSent = previousSentAt !== null || (index === 0 && rows.replayedAt !== undefined)
  return wasSent ? remote(own.at(-1) ?? '') : undefined
}

/** A replay is linked to the first attempt's span at the stage where it begins. */
function linksOf({ id, attempt, firstTraceId }: TraceRows, { index, stage }: IndexedStep): Link[] {
  if (attempt === 1 || index > 0) return []
  return [{ context: contextFrom(firstTraceId, trace.spanId(id, 1, stage, 'process')) }]
}

/** Where the first stage received the id of this very span, or, without any id, where a service of the pipeline sent the record. */
function entrySpan(rows: TraceRows, { resourceOf }: SpanOptions): ReadableSpan[] {
  const { id, attempt, replayedAt, enteredBy } = rows
  const [first] = rows.steps
  if (first === undefined) return []
  const spanId = trace.spanId(id, attempt, 'generator', 'send')
  const sentAt = replayedAt ?? first.previousSentAt ?? undefined
  const service = replayedAt === undefined ? enteredBy : 'replay'
  const isOurs = first.parentSpanId === null ? sentAt !== undefined : first.parentSpanId === spanId
  if (!isOurs || service === undefined || sentAt === undefined) return []
  const record = recordOf(first)
  return [
    span({
      name: `send ${record.topic}`,
      kind: SpanKind.PRODUCER,
      resource: resourceOf(service),
      context: contextFrom(first.traceId, spanId),
      from: Math.min(sentAt, first.queuedAt),
      to: first.queuedAt,
      attributes: { ...attributesOf(rows, 'send', record), 'throughline.position': 0 },
    }),
  ]
}

/** OpenTelemetry's names for messaging; what it has no name for is under `throughline`, durations in seconds. */
function attributesOf(
  { id, attempt }: TraceRows,
  operation: 'process' | 'send',
  { topic, partition, offset }: SentRecord,
): Attributes {
  return {
    'messaging.system.name': 'kafka',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.message.id': id,
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'kafka.offset': Number(offset),
    'throughline.attempt': attempt,
  }
}

const seconds = (micros: number) => micros / 1e6

interface SpanParts extends Pick<ReadableSpan, 'name' | 'kind' | 'resource' | 'attributes'> {
  readonly context: SpanContext
  readonly parent?: SpanContext | undefined
  /** Microseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly status?: SpanStatus
  readonly links?: Link[]
}

/** A span that has ended, as the exporters take it. */
function span({ context, parent, from, to, ...parts }: SpanParts): ReadableSpan {
  return {
    status: { code: SpanStatusCode.UNSET },
    links: [],
    ...parts,
    spanContext: () => context,
    ...(parent !== undefined && { parentSpanContext: parent }),
    startTime: hrTime(from),
    endTime: hrTime(to),
    duration: hrTime(to - from),
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
