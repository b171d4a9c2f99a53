import { recordBatch, type RecordToSend } from './record-batch.ts'

/** What kafkajs wants to say to one broker. */
export interface Produce {
  readonly acks: number
  readonly timeout: number
  readonly transactionalId?: string | null
  /** A number when there is none. */
  readonly producerId?: unknown
  readonly compression?: number
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly messages: readonly (RecordToSend & { readonly timestamp?: string })[]
    }[]
  }[]
}

/** Whether it needs nothing that only others do: transactions, idempotence, compression, timestamps of their own. */
export function isPlain({ transactionalId, producerId = -1, compression, topicData }: Produce): boolean {
  if (transactionalId || compression || producerId !== -1) return false
  const messages = topicData.flatMap(({ partitions }) =>
    partitions.flatMap((partition) => partition.messages),
  )
  return messages.every(({ timestamp }) => timestamp === undefined)
}

/**
 * The body of a produce request, versions 3 to 7, that {@link isPlain}.
 * Source: https://kafka.apache.org/protocol#The_Messages_Produce
 */
export function encodeProduce({ acks, timeout, topicData }: Produce): Buffer {
  const parts = [int16(-1), int16(acks), int32(timeout), int32(topicData.length)]
  for (const { topic, partitions } of topicData) {
    const name = Buffer.from(topic)
    parts.push(int16(name.length), name, int32(partitions.length))
    for (const { partition, messages } of partitions) {
      const batch = recordBatch(messages, Date.now())
      parts.push(int32(partition), int32(batch.length), batch)
    }
  }
  return Buffer.concat(parts)
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
