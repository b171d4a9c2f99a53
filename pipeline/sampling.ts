import type { Config } from './config.ts'
import { traceIdOf, type Message } from './message.ts'

/** Whether a message's trace is to be kept by the head decision. */
export type Sampling = (message: Message) => boolean

/**
 * The head decision: made once, where a message enters, by the sampler that OTEL_TRACES_SAMPLER names, which may follow the
 * flag that the message came with. From there on the flag in its traceparent says so.
 */
export async function createSampling(
  config: Pick<Config, 'OTEL_TRACES_SAMPLER' | 'OTEL_TRACES_SAMPLER_ARG'>,
): Promise<Sampling> {
  const [, follows, kind = ''] = /^(parentbased_)?(.*)$/.exec(config.OTEL_TRACES_SAMPLER) ?? []
  const decide = await rootDecision(kind, config.OTEL_TRACES_SAMPLER_ARG)
  return (message) => {
    const { parent, sentAt } = message
    const isDecided = parent !== undefined && (sentAt !== undefined || follows !== undefined)
    return isDecided ? parent.sampled : decide(traceIdOf(message))
  }
}

async function rootDecision(kind: string, ratio: number): Promise<(traceId: string) => boolean> {
  if (kind === 'always_on' || kind === 'always_off') return () => kind === 'always_on'
  // Only where a ratio is asked for: it is 3 MB.
  const { SamplingDecision, TraceIdRatioBasedSampler } = await import('@opentelemetry/sdk-trace')
  const { ROOT_CONTEXT } = await import('@opentelemetry/api')
  const sampler = new TraceIdRatioBasedSampler(ratio)
  const { RECORD_AND_SAMPLED } = SamplingDecision
  return (traceId) => sampler.shouldSample(ROOT_CONTEXT, traceId).decision === RECORD_AND_SAMPLED
}
