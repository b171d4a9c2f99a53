import { context, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api'
import type { Instrumentation } from '@opentelemetry/instrumentation'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOffSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace'
import { type Config, exportsTraces } from '../../pipeline/config.ts'
import type { RunInSpan } from '../../pipeline/process.ts'
import type { Stage } from '../../stages/stage.ts'
import { createHeadSampler, spanId, traceIdOf } from '../trace-context.ts'

/**
 * Runs `work` with an SDK of the stage's own, where the stage has instrumentations and the environment asks for traces. While a
 * message is computed its process span is the active one, by the id that the tracer will give it: spans of instrumented clients
 * become its children. Only those of sampled messages are exported, by the SDK's own queue, which drops spans when the backend
 * is away: the tracer's spans are the ones that are never lost.
 */
export async function withStageTracing<T>(
  config: Config,
  { name, external }: Pick<Stage, 'name' | 'external'>,
  work: (runInSpan?: RunInSpan) => Promise<T>,
): Promise<T> {
  if (external?.instrumentations === undefined || !exportsTraces()) return await work()
  const instrumentations = (await external.instrumentations()) as Instrumentation[]
  const sdk = new NodeSDK({
    serviceName: name,
    sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    instrumentations,
    metricReaders: [],
    logRecordProcessors: [],
  })
  sdk.start()
  const isSampled = await createHeadSampler(config)
  const runInSpan: RunInSpan = (message, run) => {
    const span = {
      traceId: traceIdOf(message),
      spanId: spanId(message.id, message.attempt, name, 'process'),
      traceFlags: isSampled(message) ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
    }
    return context.with(trace.setSpanContext(ROOT_CONTEXT, span), run)
  }
  try {
    return await work(runInSpan)
  } finally {
    await sdk.shutdown().catch(() => undefined)
  }
}
