import { headerText, ownHeaders } from '../pipeline/headers.ts'
import { traceIdOf } from '../pipeline/message.ts'
import type { Outgoing, Sender } from '../pipeline/send.ts'
import { withIds } from './next-ids.ts'
import { spanId } from './span-ids.ts'

/** Where messages enter they are sent one at a time, so that instrumentation-kafkajs makes each the root of a trace of its own. */
export function tracedEntry(sender: Sender): Sender {
  const sendOne = (topic: string, partition: number, record: Outgoing) => {
    const id = headerText(record.headers, ownHeaders.id) ?? ''
    const attempt = Number(headerText(record.headers, ownHeaders.attempt))
    const traceId = traceIdOf({ id, attempt, parent: undefined })
    const ids = { traceId, spanId: spanId(id, attempt, 'generator', 'send') }
    return withIds(ids, () => sender.send(topic, partition, [record]))
  }
  return {
    ...sender,
    async send(topic, partition, records) {
      const receipts = await Promise.all(records.map((record) => sendOne(topic, partition, record)))
      return receipts.flat()
    },
  }
}
