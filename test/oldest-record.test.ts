import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { newMessageId, readMessage } from '../pipeline/message.ts'
import { createRecordReader } from '../kafka/backlog.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 60_000, interval: 100 }

test('the oldest record has a time and the id of its message, and what is cached of a topic goes with it', async () => {
  const topic = `${pipeline.config.TOPIC_PREFIX}of-records`
  const admin = pipeline.kafka.admin()
  const producer = pipeline.kafka.producer()
  const reader = createRecordReader(pipeline.kafka, readMessage)
  await Promise.all([admin.connect(), producer.connect()])
  const post = async (times: readonly string[], ids: readonly string[] = []) => {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    const messages = times.map((timestamp, index) => {
      const id = ids[index]
      return { value: '{}', timestamp, headers: id === undefined ? {} : { 'message-id': id } }
    })
    await producer.send({ topic, messages })
  }
  /** The id that a stage would derive. */
  const derivedId = (offset: string, timestamp: string) =>
    readMessage(topic, 0, { offset, timestamp, key: null, value: null, attributes: 0, headers: {} }).id
  const start = { partition: 0, committed: 0n }
  const id = newMessageId()
  await post(['1700000000000', '1700000005000'], [id])
  const first = { at: 1_700_000_000_000, messageId: id }
  const second = { at: 1_700_000_005_000, messageId: derivedId('1', '1700000005000') }
  expect(await reader.fetchOldestRecord(topic, { ...start, end: 2n })).toEqual(first)
  expect(await reader.fetchOldestRecord(topic, { ...start, committed: 1n, end: 2n })).toEqual(second)
  expect(await reader.fetchOldestRecord(topic, { ...start, end: 2n })).toEqual(first)
  await admin.deleteTopics({ topics: [topic] })
  await vi.waitUntil(async () => !(await admin.listTopics()).includes(topic), wait)
  await post(['1700000009000'])
  const again = () => reader.fetchOldestRecord(topic, { ...start, end: 1n }).catch(() => undefined)
  await vi.waitUntil(async () => (await again())?.at === 1_700_000_009_000, wait)
  expect((await again())?.messageId).toBe(derivedId('0', '1700000009000'))
  await Promise.all([admin.disconnect(), producer.disconnect(), reader.close()])
})
