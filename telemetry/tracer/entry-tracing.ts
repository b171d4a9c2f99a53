import type { SendInterceptor } from '../../kafka/producer.ts'
import { exportsTraces } from '../../pipeline/config.ts'

/**
 * Runs `work`, in which messages enter, with OpenTelemetry's SDK where the environment asks for traces.
 * @param work sends its messages through the interceptor
 */
export async function withEntryTracing<T>(work: (intercept: SendInterceptor) => Promise<T>): Promise<T> {
  if (!exportsTraces()) return await work((_, send) => send())
  // Loaded for traces only: it takes 40 MB.
  const { sendWithIds, startEntrySdk } = await import('./entry-sdk.ts')
  const sdk = startEntrySdk()
  try {
    return await work(sendWithIds)
  } finally {
    await sdk.shutdown()
  }
}
