import type { SendInterceptor } from '../../kafka/producer.ts'
import { type Config, exportsTraces } from '../../pipeline/config.ts'
import type { RunInSpan } from '../../pipeline/process.ts'
import type { Stage } from '../../stages/stage.ts'

/**
 * Runs `work`, in which messages enter, with OpenTelemetry's SDK where the environment asks for traces.
 * @param work sends its messages through the interceptor
 */
export async function withEntryTracing<T>(work: (intercept: SendInterceptor) => Promise<T>): Promise<T> {
  if (!exportsTraces()) return await work((_, send) => send())
  // Loaded for traces only: it takes 40 MB.
  const { sendWithIds, startEntrySdk } = await import('./sdk.ts')
  const sdk = startEntrySdk()
  try {
    return await work(sendWithIds)
  } finally {
    await sdk.shutdown()
  }
}

/**
 * Runs the work of a stage, with an SDK of its own where it has instrumentations and the environment asks for traces.
 * @param work computes its messages within `runInSpan`; undefined without an SDK
 */
export async function withStageTracing<T>(
  config: Config,
  { name, external }: Pick<Stage, 'name' | 'external'>,
  work: (runInSpan?: RunInSpan) => Promise<T>,
): Promise<T> {
  if (external?.instrumentations === undefined || !exportsTraces()) return await work()
  // Loaded for such a stage only: it takes 40 MB.
  const { startStageSdk } = await import('./sdk.ts')
  const { sdk, runInSpan } = await startStageSdk(config, name, await external.instrumentations())
  try {
    return await work(runInSpan)
  } finally {
    await sdk.shutdown().catch(() => undefined)
  }
}
