import { connect } from 'node:net'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { kafkaSettings, type KafkaSettings } from '../kafka/settings.ts'
import { createKafka, type ISocketFactory } from '../kafka/client.ts'
import { createSender, type OutgoingRecord } from '../kafka/producer.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { readTopic } from './support/kafka-records.ts'
import { startFaultyProxy, type FaultyProxy } from './support/processes/faulty-proxy.ts'

let pipeline: FreshPipeline
let proxy: FaultyProxy
beforeAll(async () => {
  pipeline = await freshPipeline()
  proxy = await startFaultyProxy(Number(inject('kafka').split(':')[1]))
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await pipeline[Symbol.asyncDispose]()
})

/** The settings of the pipeline with fewer retries, and every connection through the proxy. */
function settings(): KafkaSettings {
  const usual = kafkaSettings(pipeline.config, 'test')
  const socketFactory: ISocketFactory = ({ onConnect }) => connect(proxy.port, '127.0.0.1', onConnect)
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
  proxy.dropsProduceResponses = true
  const before = proxy.connections
  await expect(sender.send(topic, [record('two')])).rejects.toThrow('no answer to Produce')
  proxy.dropsProduceResponses = false
  expect(await sender.send(topic, [record('three')])).toMatchObject([{ offset: 2n }])
  expect(proxy.connections).toBeGreaterThan(before)
  expect(await records(topic)).toEqual(['0 one', '1 two', '2 three'])
  await sender.close()
})

test('a record that is too large is no reason to replace the producer', async () => {
  const topic = `${pipeline.config.TOPIC_PREFIX}stage3`
  const given = settings()
  const sender = createSender(createKafka(given, pipeline.log), given)
  await sender.send(topic, [record('one')])
  const before = proxy.connections
  const tooLarge = record('x'.repeat(1_100_000))
  expect(await sender.send(topic, [tooLarge])).toEqual([undefined])
  expect(await sender.send(topic, [record('two')])).toMatchObject([{ offset: 1n }])
  expect(proxy.connections).toBe(before)
  await sender.close()
})
