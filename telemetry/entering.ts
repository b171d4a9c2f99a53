import { headerText, ownHeaders } from '../pipeline/headers.ts'
import { traceIdOf } from '../pipeline/message.ts'
import type { OutgoingRecord, SendInterceptor } from '../kafka/producer.ts'
import { withIds, type Ids } from './next-ids.ts'
import { spanId } from '../pipeline/span-ids.ts'

/** Where messages enter instrumentation-kafkajs makes each of a request the root of a trace of its own: that of its id. */
export const entering: SendInterceptor = (records, send) => withIds(records.map(idsOf), send)

function idsOf({ headers }: OutgoingRecord): Ids {
  const id = headerText(headers, ownHeaders.id) ?? ''
  const attempt = Number(headerText(headers, ownHeaders.attempt))
  const traceId = traceIdOf({ id, attempt, parent: undefined })
  return { traceId, spanId: spanId(id, attempt, 'generator', 'send') }
}
