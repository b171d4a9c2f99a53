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
import { spanId, type SpanKindName } from '../../pipeline/span-ids.ts'
import { entryAttributes, processAttributes, sendAttributes } from './attributes.ts'
import type { SentRecord, TraceRows, TraceStep } from './trace-rows.ts'

export interface SpanOptions {
  readonly topicPrefix: string
  /** The resource of a service, by its name. */
  readonly resourceOf: (service: string) => Resource
  /** The topic behind the last stage. */
  readonly finishTopic: string
  /** The record of a dead letter on its topic; undefined when it is not known, and then there is no span that sent it. */
  readonly deadLetter?: SentRecord | undefined
}

/**
 * The spans of an attempt, with the times of its rows: for each step that is complete a CONSUMER span, child of the span
 * that sent the message, and below it the PRODUCER span of what was sent on; in front of them the span with which the
 * message entered, where the rows say that a service of ours let it in.
 */
export function spansOf(rows: TraceRows, options: SpanOptions): ReadableSpan[] {
  return [
    ...entrySpan(rows, options),
    ...rows.steps.flatMap((step, index) => stepSpans(rows, index, step, options)),
  ]
}

/** When a step began to send, and the record that it sent, as far as that is known. */
interface Sent {
  readonly sentAt: number | undefined
  readonly record: SentRecord | undefined
}

function sentBy({ steps, finished }: TraceRows, index: number, options: SpanOptions): Sent {
  const [step, next] = [steps[index], steps[index + 1]]
  if (step?.reason) return { sentAt: step.computedAt, record: options.deadLetter }
  if (next !== undefined) {
    const record = {
      topic: next.topic ?? next.stage,
      partition: next.partition,
      offset: next.offset,
      appendedAt: next.queuedAt,
    }
    return { sentAt: next.previousSentAt ?? step?.computedAt, record }
  }
  if (finished === undefined) return { sentAt: undefined, record: undefined }
  const { partition, offset, sentAt, finishedAt } = finished
  return { sentAt, record: { topic: options.finishTopic, partition, offset, appendedAt: finishedAt } }
}

function stepSpans(rows: TraceRows, index: number, step: TraceStep, options: SpanOptions): ReadableSpan[] {
  const { sentAt, record } = sentBy(rows, index, options)
  if (sentAt === undefined) return []
  const resource = options.resourceOf(step.stage)
  const process = contextOf(rows, step, 'process')
  const made = [
    span({
      name: `process ${step.topic ?? step.stage}`,
      kind: SpanKind.CONSUMER,
      resource,
      context: process,
      parent: parentOf(rows, index, step),
      from: step.startedAt,
      to: sentAt,
      attributes: processAttributes(rows, step, sentAt, options.topicPrefix),
      ...(step.reason !== null && {
        status: { code: SpanStatusCode.ERROR, message: step.explanation ?? step.reason },
      }),
      links: linksOf(rows, index, step),
    }),
  ]
  if (record !== undefined) {
    made.push(
      span({
        name: `send ${record.topic}`,
        kind: SpanKind.PRODUCER,
        resource,
        context: contextOf(rows, step, 'send'),
        parent: process,
        from: sentAt,
        to: Math.max(sentAt, record.appendedAt),
        attributes: sendAttributes(rows, step, sentAt, record),
      }),
    )
  }
  return made
}

function contextOf(
  { id, attempt }: TraceRows,
  { stage, traceId }: TraceStep,
  kind: SpanKindName,
): SpanContext {
  return { traceId, spanId: spanId(id, attempt, stage, kind), traceFlags: TraceFlags.SAMPLED }
}

/** A foreign span that the message came with is the parent; otherwise the span that the step before sent it with. */
function parentOf(rows: TraceRows, index: number, step: TraceStep): SpanContext | undefined {
  const { traceId, parentSpanId, previousSentAt } = step
  const remote = (id: string) => ({ traceId, spanId: id, traceFlags: TraceFlags.SAMPLED, isRemote: true })
  const own = ['generator', ...rows.steps.slice(0, index).map(({ stage }) => stage)].map((name) =>
    spanId(rows.id, rows.attempt, name, 'send'),
  )
  // A stage in which the SDK is disabled sends on what it got, which is the span of an earlier step.
  if (parentSpanId !== null && !own.includes(parentSpanId)) return remote(parentSpanId)
  const wasSent = previousSentAt !== null || (index === 0 && rows.replayedAt !== undefined)
  return wasSent ? remote(own.at(-1) ?? '') : undefined
}

/** A replay is linked to what the first attempt did at the stage where it begins. */
function linksOf({ id, attempt, firstTraceId }: TraceRows, index: number, { stage }: TraceStep): Link[] {
  if (attempt === 1 || index > 0) return []
  const first = { traceId: firstTraceId, spanId: spanId(id, 1, stage, 'process') }
  return [{ context: { ...first, traceFlags: TraceFlags.SAMPLED } }]
}

/** Made where the first stage was told of this very span, or, when nothing was told, where a service of ours sent the record. */
function entrySpan(rows: TraceRows, { resourceOf }: SpanOptions): ReadableSpan[] {
  const { id, attempt, replayedAt, enteredBy } = rows
  const [first] = rows.steps
  if (first === undefined) return []
  const entryId = spanId(id, attempt, 'generator', 'send')
  const sentAt = replayedAt ?? first.previousSentAt ?? undefined
  const service = replayedAt === undefined ? enteredBy : 'replay'
  const isAnnounced =
    first.parentSpanId === null
      ? first.previousSentAt !== null || replayedAt !== undefined
      : first.parentSpanId === entryId
  if (!isAnnounced || service === undefined || sentAt === undefined) return []
  return [
    span({
      name: `send ${first.topic}`,
      kind: SpanKind.PRODUCER,
      resource: resourceOf(service),
      context: { traceId: first.traceId, spanId: entryId, traceFlags: TraceFlags.SAMPLED },
      from: Math.min(sentAt, first.queuedAt),
      to: first.queuedAt,
      attributes: entryAttributes(rows, first),
    }),
  ]
}

interface Parts extends Pick<ReadableSpan, 'name' | 'kind' | 'resource'> {
  readonly context: SpanContext
  readonly parent?: SpanContext | undefined
  /** Microseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly attributes: Attributes
  readonly status?: SpanStatus
  readonly links?: Link[]
}

const scope = { name: 'throughline' }

/** A span that is over, as the exporters take it. */
function span({ context, parent, from, to, ...parts }: Parts): ReadableSpan {
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
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function hrTime(micros: number): HrTime {
  const seconds = Math.floor(micros / 1e6)
  return [seconds, (micros - seconds * 1e6) * 1000]
}
