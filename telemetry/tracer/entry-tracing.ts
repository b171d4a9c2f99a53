import type { OutgoingRecord, SendInterceptor } from '../../kafka/producer.ts'
import { exportsTraces } from '../../pipeline/config.ts'
import { headerText, ownHeaders } from '../../pipeline/headers.ts'
import { spanId, traceIdOf } from '../trace-context.ts'
import type { Ids } from './entry-sdk.ts'

/**
 * Runs `work`, in which messages enter, with OpenTelemetry's SDK where the environment asks for traces.
 * @param work sends its messages through the interceptor
 */
export async function withEntryTracing<T>(work: (intercept: SendInterceptor) => Promise<T>): Promise<T> {
  if (!exportsTraces()) return await work((_, send) => send())
  // Loaded for traces only: it takes 40 MB.
  const { startEntrySdk, withIds } = await import('./entry-sdk.ts')
  const sdk = startEntrySdk()
  try {
    return await work((records, send) => withIds(records.map(idsOf), send))
  } finally {
    await sdk.shutdown()
  }
}

/** Each message of a request is the root of a trace of its own, with its id. */
function idsOf({ headers }: OutgoingRecord): Ids {
  const id = headerText(headers, ownHeaders.id) ?? ''
  const attempt = Number(headerText(headers, ownHeaders.attempt))
  const traceId = traceIdOf({ id, attempt, parent: undefined })
  return { traceId, spanId: spanId(id, attempt, 'generator', 'send') }
}
