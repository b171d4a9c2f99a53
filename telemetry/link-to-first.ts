import { TraceFlags, type Link } from '@opentelemetry/api'
import { spanId, type SpanKindName } from '../pipeline/span-ids.ts'

/** From a span of a replay to the same span of the first attempt. */
export function linkToFirst(id: string, stage: string, kind: SpanKindName): Link {
  return { context: { traceId: id, spanId: spanId(id, 1, stage, kind), traceFlags: TraceFlags.SAMPLED } }
}
