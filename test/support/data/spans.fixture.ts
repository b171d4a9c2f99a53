import { SpanKind } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { spanId } from '../../../telemetry/trace-context.ts'
import { spansOf, type SpanOptions } from '../../../telemetry/tracer/spans.ts'
import type { TraceRows, TraceStep } from '../../../telemetry/tracer/trace-rows.ts'

export const id = '0190a5b6c7d87e8f90a1b2c3d4e5f607'
export const time = 1_700_000_000_000_000

export const options: SpanOptions = {
  topicPrefix: 'p.',
  finishTopic: 'p.finish',
  resourceOf: (service) => resourceFromAttributes({ 'service.name': service }),
}

/** The n-th step. Each step waits 100 us, works 10, saves 20 and publishes 30. */
export function step(stage: string, n: number, changes: Partial<TraceStep> = {}): TraceStep {
  const queuedAt = time + n * 160
  return {
    stage,
    topic: `p.${stage}-in`,
    position: n + 1,
    partition: 2,
    offset: String(40 + n),
    reason: null,
    explanation: null,
    traceId: id,
    parentSpanId: null,
    previousSentAt: queuedAt - 30,
    queuedAt,
    startedAt: queuedAt + 100,
    computedAt: queuedAt + 110,
    ...changes,
  }
}

const finished = { partition: 3, offset: '7', sentAt: time + 290, finishedAt: time + 320 }

export function rows(changes: Partial<TraceRows> = {}): TraceRows {
  const steps = [step('add', 0), step('lcm', 1)]
  return {
    id,
    attempt: 1,
    steps,
    finished,
    enteredBy: 'generator',
    replayedAt: null,
    firstTraceId: id,
    ...changes,
  }
}

export const own = (stage: string, kind: 'process' | 'send', attempt = 1) => spanId(id, attempt, stage, kind)

/** Name, parent and times of each span, in microseconds after the message entered. */
export function shapes(of: TraceRows, changes: Partial<SpanOptions> = {}) {
  const micros = ([seconds, nanos]: [number, number]) => seconds * 1e6 + nanos / 1000 - time
  return spansOf(of, { ...options, ...changes }).map((span) => ({
    name: span.name,
    service: span.resource.attributes['service.name'],
    kind: SpanKind[span.kind],
    id: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId,
    from: micros(span.startTime),
    to: micros(span.endTime),
  }))
}
