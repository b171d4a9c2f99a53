import { randomUUID } from 'node:crypto'
import { createKafka, loadKafkajs, type Kafka, type KafkaMessage } from '../../kafka/client.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { readConfig } from '../../pipeline/config.ts'
import { newMessageId } from '../../pipeline/message.ts'
import { createLog } from '../../telemetry/log.ts'

export type OnRecord = (record: KafkaMessage, partition: number) => void

/** Reads every record that a topic holds now, in order within each partition. Returns their number. */
export async function readTopic(kafka: Kafka, topic: string, onRecord: OnRecord): Promise<number> {
  const ends = await endOffsets(kafka, topic)
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

/** The end offset of each partition that is not empty. */
async function endOffsets(kafka: Kafka, topic: string): Promise<Map<number, bigint>> {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const filled = offsets.filter(({ low, high }) => low !== high)
  return new Map(filled.map(({ partition, high }) => [partition, BigInt(high)]))
}

/** The partitions of each member of a consumer group, one list per member; none while the group is rebalancing. */
export async function groupAssignments(kafka: Kafka, groupId: string): Promise<number[][]> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const { groups } = await admin.describeGroups([groupId])
    const [group] = groups
    if (group?.state !== 'Stable') return []
    return group.members.map(({ memberAssignment }) => {
      const decoded = loadKafkajs().AssignerProtocol.MemberAssignment.decode(memberAssignment)
      return Object.values(decoded?.assignment ?? {}).flat()
    })
  } finally {
    await admin.disconnect()
  }
}

/**
 * Sends one message to each of the four partitions of `start`. Returns their number.
 * They have ids, so a record that the producer sends again after an outage is a duplicate.
 */
export async function produceToStart(env: Readonly<Record<string, string>>): Promise<number> {
  const kafka = createKafka(kafkaSettings(readConfig(env), 'foreign-producer'), createLog('silent', {}))
  const producer = kafka.producer()
  await producer.connect()
  const messages = [0, 1, 2, 3].map((partition) => ({
    value: '{"numbers":[1,2]}',
    headers: { 'message-id': newMessageId() },
    partition,
  }))
  await producer.send({ topic: 'start', messages })
  await producer.disconnect()
  return messages.length
}
