import { exportsTraces } from '../pipeline/config.ts'
import { nobody, type Observer } from '../pipeline/observer.ts'
import type { TracingOptions } from './tracing.ts'

/** Runs `work` with tracing when the environment asks for it; otherwise the SDK is not even loaded. */
export async function withTracing<T>(
  options: TracingOptions,
  work: (observer: Observer) => Promise<T>,
): Promise<T> {
  if (!exportsTraces()) return await work(nobody)
  const { startTracing } = await import('./tracing.ts')
  const tracing = await startTracing(options)
  try {
    return await work(tracing.observer)
  } finally {
    await tracing.stop()
  }
}
