import {
  SpanKind,
  SpanStatusCode,
  type Attributes,
  type SpanContext,
  type SpanStatus,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { DeadLetter } from '../pipeline/compute.ts'
import type { Message } from '../pipeline/message.ts'
import type { Publication, Published } from '../pipeline/publish.ts'
import type { Route } from '../pipeline/route.ts'
import { spanId } from './span-ids.ts'

/**
 * The spans of a batch: for each message a CONSUMER span, child of the span that sent it, and below it the PRODUCER span
 * of what was sent on. They are made afterwards, from the measured times: a batch holds messages of many traces, so no
 * context that is active while it runs could be the right one.
 * @param resource the process: service.name is the stage
 * @param isSampled whether the message's trace is kept
 */
export function spansOf(
  publication: Publication,
  route: Route,
  resource: Resource,
  isSampled: (message: Message) => boolean,
): ReadableSpan[] {
  const { results, deadLetters, endedAt } = publication
  const spans: ReadableSpan[] = []
  for (const result of results) {
    if (isSampled(result.message)) spans.push(...resultSpans(result, route, resource, endedAt))
  }
  for (const letter of deadLetters) {
    if (isSampled(letter.message)) spans.push(...deadLetterSpans(letter, route, resource, endedAt))
  }
  return spans
}

function resultSpans(result: Published, route: Route, resource: Resource, endedAt: number): ReadableSpan[] {
  const { message, startedAt, computedAt, sentAt, receipt, arrivedAt } = result
  const [process, send] = contextsOf(message, route.stage.name)
  return [
    span(`process ${route.source}`, SpanKind.CONSUMER, resource, {
      context: process,
      parent: parentOf(message),
      from: startedAt,
      to: sentAt,
      attributes: received(message, route, {
        'throughline.wait_ms': startedAt - message.queuedAt,
        'throughline.work_ms': computedAt - startedAt,
        'throughline.save_ms': sentAt - computedAt,
      }),
    }),
    span(`send ${route.target}`, SpanKind.PRODUCER, resource, {
      context: send,
      parent: process,
      from: sentAt,
      to: Math.max(endedAt, arrivedAt),
      attributes: sent(message, route, route.target, {
        'messaging.destination.partition.id': String(receipt.partition),
        'messaging.kafka.offset': Number(receipt.offset),
        'throughline.publish_ms': arrivedAt - sentAt,
      }),
    }),
  ]
}

function deadLetterSpans(
  letter: DeadLetter,
  route: Route,
  resource: Resource,
  endedAt: number,
): ReadableSpan[] {
  const { message, startedAt, computedAt, reason, explanation } = letter
  const [process, send] = contextsOf(message, route.stage.name)
  const status = { code: SpanStatusCode.ERROR, message: explanation }
  return [
    span(`process ${route.source}`, SpanKind.CONSUMER, resource, {
      context: process,
      parent: parentOf(message),
      from: startedAt,
      to: computedAt,
      status,
      attributes: received(message, route, {
        'error.type': reason,
        'throughline.wait_ms': startedAt - message.queuedAt,
        'throughline.work_ms': computedAt - startedAt,
      }),
    }),
    span(`send ${route.deadLetters}`, SpanKind.PRODUCER, resource, {
      context: send,
      parent: process,
      from: computedAt,
      to: Math.max(endedAt, computedAt),
      attributes: sent(message, route, route.deadLetters, {}),
    }),
  ]
}

/** Names by https://opentelemetry.io/docs/specs/semconv/messaging/kafka/, what it has no name for under `throughline`. */
function received(message: Message, route: Route, measured: Attributes): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.message.id': message.id,
    'messaging.message.body.size': message.value?.length ?? 0,
    'messaging.destination.name': route.source,
    'messaging.destination.partition.id': String(message.partition),
    'messaging.consumer.group.name': route.group,
    'messaging.kafka.offset': Number(message.offset),
    'throughline.attempt': message.attempt,
    'throughline.position': route.position,
    ...measured,
  }
}

function sent(message: Message, route: Route, topic: string, measured: Attributes): Attributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
    'messaging.message.id': message.id,
    'messaging.destination.name': topic,
    'throughline.attempt': message.attempt,
    'throughline.position': route.position,
    ...measured,
  }
}

function contextsOf({ id, attempt, parent }: Message, stage: string): [SpanContext, SpanContext] {
  const traceId = parent?.traceId ?? id
  const context = (kind: 'process' | 'send') => ({
    traceId,
    spanId: spanId(id, attempt, stage, kind),
    traceFlags: 1,
  })
  return [context('process'), context('send')]
}

function parentOf({ parent }: Message): SpanContext | undefined {
  return parent && { traceId: parent.traceId, spanId: parent.spanId, traceFlags: 1, isRemote: true }
}

interface Parts {
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly status?: SpanStatus
  readonly attributes: Attributes
}

function span(name: string, kind: SpanKind, resource: Resource, parts: Parts): ReadableSpan {
  const { context, parent, from, to, attributes, status = unset } = parts
  return {
    name,
    kind,
    spanContext: () => context,
    // Leaving it out where there is none would cost a third of making the span.
    parentSpanContext: parent as SpanContext,
    startTime: hrTime(from),
    endTime: hrTime(to),
    duration: hrTime(to - from),
    status,
    attributes,
    resource,
    links: none,
    events: none,
    ended: true,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

const none: never[] = []
const instrumentationScope = { name: 'throughline' }

const unset = { code: SpanStatusCode.UNSET }

/** Seconds and nanoseconds. */
function hrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}
