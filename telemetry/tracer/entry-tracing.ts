import type { OutgoingRecord, SendInterceptor } from '../../kafka/producer.ts'
import { exportsTraces } from '../../pipeline/config.ts'
import { headerText, ownHeaders } from '../../pipeline/headers.ts'
import { traceIdOf } from '../../pipeline/message.ts'
import { spanId } from '../../pipeline/span-ids.ts'
import type { Ids } from './next-ids.ts'

/**
 * Runs `work`, in which messages enter, with OpenTelemetry's SDK where the environment asks for traces. What `work` sends has
 * to go through the interceptor.
 */
export async function withEntryTracing<T>(work: (intercept: SendInterceptor) => Promise<T>): Promise<T> {
  if (!exportsTraces()) return await work((_, send) => send())
  // Not loaded otherwise: it is 40 MB.
  const { startEntrySdk } = await import('./entry-sdk.ts')
  const { withIds } = await import('./next-ids.ts')
  const sdk = startEntrySdk()
  try {
    return await work((records, send) => withIds(records.map(idsOf), send))
  } finally {
    await sdk.shutdown()
  }
}

/** Of a request's messages each is the root of a trace of its own: that of its id. */
function idsOf({ headers }: OutgoingRecord): Ids {
  const id = headerText(headers, ownHeaders.id) ?? ''
  const attempt = Number(headerText(headers, ownHeaders.attempt))
  const traceId = traceIdOf({ id, attempt, parent: undefined })
  return { traceId, spanId: spanId(id, attempt, 'generator', 'send') }
}
