import { expect, test } from 'vitest'
import { kafkaSettings } from '../kafka/settings.ts'
import { createSender } from '../kafka/producer.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/kafka-records.ts'

test('records of several partitions are sent at once: each is in order on its partition, and where its metadata says', async () => {
  await using pipeline = await freshPipeline({ TOPIC_PARTITIONS: '3' })
  const topic = `${pipeline.config.TOPIC_PREFIX}stage2`
  const sender = createSender(pipeline.kafka, kafkaSettings(pipeline.config, 'test'))
  const records = [4, 0, 1, 0, 4, 2, 3].map((partition, index) => ({
    partition,
    key: null,
    value: Buffer.from(`record ${index}`),
    headers: {},
  }))
  const metadata = [...(await sender.send(topic, records)), ...(await sender.send(topic, records))]
  await sender.close()
  const there = new Map<string, string>()
  await readTopic(pipeline.kafka, topic, ({ offset, value }, partition) =>
    there.set(`${partition}/${offset}`, String(value)),
  )
  const found = metadata.map((one) => there.get(`${one?.partition}/${one?.offset}`))
  expect(found).toEqual([...records, ...records].map(({ value }) => String(value)))
  expect(metadata.slice(0, 7).map((one) => one?.partition)).toEqual([1, 0, 1, 0, 1, 2, 0])
  for (const partition of [0, 1, 2, 3, 4]) {
    const offsets = metadata.filter((_, index) => records[index % 7]?.partition === partition)
    const inOrder = offsets.map((one) => Number(one?.offset))
    expect(inOrder).toEqual(inOrder.toSorted((one, other) => one - other))
  }
})
