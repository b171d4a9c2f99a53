import { encodeRecordBatch, type RecordToSend } from './encode-record-batch.ts'

/** A produce request to one broker, as kafkajs describes it. */
export interface ProduceRequest {
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

/** Without transactions, idempotence, compression and timestamps of the records' own. */
export function isPlain({ transactionalId, producerId = -1, compression, topicData }: ProduceRequest): boolean {
  if (transactionalId || compression || producerId !== -1) return false
  const messages = topicData.flatMap(({ partitions }) => partitions.flatMap((partition) => partition.messages))
  return messages.every(({ timestamp }) => timestamp === undefined)
}

/**
 * The body of a produce request, versions 3 to 7, that {@link isPlain}.
 * Source: https://kafka.apache.org/protocol#The_Messages_Produce
 */
export function encodeProduceRequest({ acks, timeout, topicData }: ProduceRequest): Buffer {
  const parts = [int16(-1), int16(acks), int32(timeout), int32(topicData.length)]
  for (const { topic, partitions } of topicData) {
    const name = Buffer.from(topic)
    parts.push(int16(name.length), name, int32(partitions.length))
    for (const { partition, messages } of partitions) {
      const batch = encodeRecordBatch(messages, Date.now())
      parts.push(int32(partition), int32(batch.length), batch)
    }
  }
  return Buffer.concat(parts)
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}
