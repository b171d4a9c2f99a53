import { ROOT_CONTEXT, SpanKind, trace, type Context } from '@opentelemetry/api'
import { traceIdOf, type Message } from '../pipeline/message.ts'
import { withIds } from './next-ids.ts'

/**
 * Whether a message's trace is kept: decided once, where it enters, by the sampler, which may follow whoever posted it;
 * from there on the flag in its traceparent says so.
 */
export function isSampled(message: Message): boolean {
  if (message.parent !== undefined && message.sentAt !== undefined) return message.parent.sampled
  const decision = decisions.get(message) ?? askSampler(message)
  decisions.set(message, decision)
  return decision
}

const decisions = new WeakMap<Message, boolean>()

function askSampler(message: Message): boolean {
  const ids = { traceId: traceIdOf(message), spanId: message.id.slice(16) }
  // The sampler is inside the SDK: a span that is never ended asks it.
  const asking = () =>
    trace.getTracer('throughline').startSpan('enter', { kind: SpanKind.CONSUMER }, contextOf(message))
  return withIds(ids, asking).isRecording()
}

function contextOf({ parent }: Message): Context {
  if (parent === undefined) return ROOT_CONTEXT
  const { traceId, spanId, sampled } = parent
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: sampled ? 1 : 0,
    isRemote: true,
  })
}
