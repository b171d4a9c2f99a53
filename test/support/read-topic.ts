import { randomUUID } from 'node:crypto'
import type { Kafka, KafkaMessage } from 'kafkajs'

export type OnRecord = (record: KafkaMessage, partition: number) => void

/** Hands over every record that a topic holds now, each partition in order. Resolves with how many there were. */
export async function readTopic(kafka: Kafka, topic: string, onRecord: OnRecord): Promise<number> {
  const ends = await endsOf(kafka, topic)
  if (ends.size === 0) return 0
  const consumer = kafka.consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 100 })
  const done = Promise.withResolvers<void>()
  let count = 0
  consumer.on('consumer.crash', ({ payload }) => done.reject(payload.error))
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        const end = ends.get(batch.partition)
        if (end === undefined) return
        for (const record of batch.messages) {
          if (BigInt(record.offset) >= end) break
          onRecord(record, batch.partition)
          count += 1
        }
        if (BigInt(batch.lastOffset()) + 1n >= end) ends.delete(batch.partition)
        if (ends.size === 0) done.resolve()
        await heartbeat()
      },
    })
    await done.promise
  } finally {
    await consumer.disconnect()
  }
  return count
}

/** The end of each partition that holds something. */
async function endsOf(kafka: Kafka, topic: string): Promise<Map<number, bigint>> {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const filled = offsets.filter(({ low, high }) => low !== high)
  return new Map(filled.map(({ partition, high }) => [partition, BigInt(high)]))
}
