import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import type { Instrumentation } from '@opentelemetry/instrumentation'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOffSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace'
import type { Config } from '../../pipeline/config.ts'
import type { RunInSpan } from '../../pipeline/process.ts'
import { createHeadSampler, spanId, traceIdOf } from '../trace-context.ts'

/**
 * Starts an SDK of a stage's own. While a message is computed its process span is the active one, by the id that the tracer will
 * give it: spans of instrumented clients become its children. Only those of sampled messages are exported, by the SDK's own
 * queue, which drops spans when the backend is away: the tracer's spans are the ones that are never lost.
 */
export async function startStageSdk(
  config: Config,
  stage: string,
  instrumentations: readonly unknown[],
): Promise<{ sdk: NodeSDK; runInSpan: RunInSpan }> {
  const sdk = new NodeSDK({
    serviceName: stage,
    sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    instrumentations: [...instrumentations] as Instrumentation[],
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  const isSampled = await createHeadSampler(config)
  const runInSpan: RunInSpan = (message, run) => {
    const span = {
      traceId: traceIdOf(message),
      spanId: spanId(message.id, message.attempt, stage, 'process'),
      traceFlags: isSampled(message) ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
    }
    return context.with(trace.setSpanContext(ROOT_CONTEXT, span), run)
  }
  return { sdk, runInSpan }
}
