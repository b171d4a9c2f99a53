import { ROOT_CONTEXT, SpanKind, trace, type Context } from '@opentelemetry/api'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace'
import type { Config } from '../pipeline/config.ts'
import { traceIdOf, type Message } from '../pipeline/message.ts'

/** The sampler that OTEL_TRACES_SAMPLER names, with the ratio that OTEL_TRACES_SAMPLER_ARG says. */
export function samplerOf(config: Pick<Config, 'OTEL_TRACES_SAMPLER' | 'OTEL_TRACES_SAMPLER_ARG'>): Sampler {
  const [, follows, kind] = /^(parentbased_)?(.*)$/.exec(config.OTEL_TRACES_SAMPLER) ?? []
  const root = rootSampler(kind ?? '', config.OTEL_TRACES_SAMPLER_ARG)
  return follows === undefined ? root : new ParentBasedSampler({ root })
}

function rootSampler(kind: string, ratio: number): Sampler {
  if (kind === 'always_on') return new AlwaysOnSampler()
  return kind === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio)
}

/**
 * Whether a message's trace is kept: decided once, where it enters, by the sampler, which may follow whoever posted it;
 * from there on the flag in its traceparent says so.
 */
export function createSampling(sampler: Sampler): (message: Message) => boolean {
  const decisions = new WeakMap<Message, boolean>()
  return (message) => {
    if (message.parent !== undefined && message.sentAt !== undefined) return message.parent.sampled
    const decision = decisions.get(message) ?? ask(sampler, message)
    decisions.set(message, decision)
    return decision
  }
}

function ask(sampler: Sampler, message: Message): boolean {
  const context = contextOf(message)
  const name = `process ${message.topic}`
  const { decision } = sampler.shouldSample(context, traceIdOf(message), name, SpanKind.CONSUMER, {}, [])
  return decision === SamplingDecision.RECORD_AND_SAMPLED
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
