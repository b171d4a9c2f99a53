import {
  SpanStatusCode,
  type Attributes,
  type Link,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
} from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'

export interface Parts {
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  /** Milliseconds since the epoch. */
  readonly from: number
  readonly to: number
  readonly status?: SpanStatus | undefined
  readonly attributes: Attributes
  readonly links?: Link[] | undefined
}

/** A span of what is over, made at once from what is known of it. */
export function finishedSpan(name: string, kind: SpanKind, resource: Resource, parts: Parts): ReadableSpan {
  const { context, parent, from, to, attributes, status = unset, links = none } = parts
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
    links,
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
