import { expect, test } from 'vitest'
import { kafkaSettings } from '../pipeline/kafka-settings.ts'
import { createSender } from '../pipeline/send.ts'
import { freshPipeline } from './fresh-pipeline.ts'
import { readTopic } from './read-topic.ts'

test('records of several partitions are sent at once: each is in order on its partition, and where its receipt says', async () => {
  await using pipeline = await freshPipeline({ TOPIC_PARTITIONS: '3' })
  const topic = `${pipeline.config.TOPIC_PREFIX}stage2`
  const sender = createSender(pipeline.kafka, kafkaSettings(pipeline.config, 'test'))
  const records = [4, 0, 1, 0, 4, 2, 3].map((partition, index) => ({
    partition,
    key: null,
    value: Buffer.from(`record ${index}`),
    headers: {},
  }))
  const receipts = [...(await sender.send(topic, records)), ...(await sender.send(topic, records))]
  await sender.close()
  const there = new Map<string, string>()
  await readTopic(pipeline.kafka, topic, ({ offset, value }, partition) =>
    there.set(`${partition}/${offset}`, String(value)),
  )
  const found = receipts.map((receipt) => there.get(`${receipt?.partition}/${receipt?.offset}`))
  expect(found).toEqual([...records, ...records].map(({ value }) => String(value)))
  expect(receipts.slice(0, 7).map((receipt) => receipt?.partition)).toEqual([1, 0, 1, 0, 1, 2, 0])
  expect(receipts.slice(0, 7).map((receipt) => receipt?.offset)).toEqual([0n, 0n, 1n, 1n, 2n, 0n, 2n])
})
