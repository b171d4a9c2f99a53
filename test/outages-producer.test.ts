import { connect } from 'node:net'
import type { ISocketFactory } from 'kafkajs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { kafkaSettings, type KafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createSender, type OutgoingRecord } from '../kafka/producer.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/read-topic.ts'
import { startBadWay, type BadWay } from './support/bad-way.ts'

let pipeline: FreshPipeline
let way: BadWay
beforeAll(async () => {
  pipeline = await freshPipeline()
  way = await startBadWay(Number(inject('kafka').split(':')[1]))
})
afterAll(async () => {
  await way[Symbol.asyncDispose]()
  await pipeline[Symbol.asyncDispose]()
})

/** The pipeline's settings, but impatient, and by the bad way wherever the broker says it is. */
function settings(): KafkaSettings {
  const usual = kafkaSettings(pipeline.config, 'test')
  const socketFactory: ISocketFactory = ({ onConnect }) => connect(way.port, '127.0.0.1', onConnect)
  return {
    ...usual,
    client: { ...usual.client, requestTimeout: 1000, retry: { retries: 0 }, socketFactory },
  }
}

const record = (text: string): OutgoingRecord => ({
  partition: 0,
  key: null,
  value: Buffer.from(text),
  headers: {},
})

async function records(topic: string) {
  const values: string[] = []
  await readTopic(pipeline.kafka, topic, ({ value, offset }) => values.push(`${offset} ${String(value)}`))
  return values
}

test('a producer whose send was rejected is replaced, and what another one sends is there where it says', async () => {
  const topic = `${pipeline.config.TOPIC_PREFIX}stage2`
  const given = settings()
  const sender = createSender(createKafka(given, pipeline.log), given)
  expect(await sender.send(topic, [record('one')])).toMatchObject([{ offset: 0n }])
  way.isSwallowing = true
  const before = way.connections
  await expect(sender.send(topic, [record('two')])).rejects.toThrow('timed out')
  way.isSwallowing = false
  expect(await sender.send(topic, [record('three')])).toMatchObject([{ offset: 2n }])
  expect(way.connections).toBeGreaterThan(before)
  expect(await records(topic)).toEqual(['0 one', '1 two', '2 three'])
  await sender.close()
})

test('a record that is too large is no reason to replace the producer', async () => {
  const topic = `${pipeline.config.TOPIC_PREFIX}stage3`
  const given = settings()
  const sender = createSender(createKafka(given, pipeline.log), given)
  await sender.send(topic, [record('one')])
  const before = way.connections
  const tooLarge = record('x'.repeat(1_100_000))
  expect(await sender.send(topic, [tooLarge])).toEqual([undefined])
  expect(await sender.send(topic, [record('two')])).toMatchObject([{ offset: 1n }])
  expect(way.connections).toBe(before)
  await sender.close()
})
