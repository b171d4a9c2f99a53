import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createPeek } from '../telemetry/peek.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 60_000, interval: 100 }

test('what is remembered of a topic goes with it', async () => {
  const topic = `${pipeline.config.TOPIC_PREFIX}peeked`
  const admin = pipeline.kafka.admin()
  const producer = pipeline.kafka.producer()
  const peek = createPeek(pipeline.kafka)
  await Promise.all([admin.connect(), producer.connect()])
  const post = async (times: readonly string[]) => {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    await producer.send({ topic, messages: times.map((timestamp) => ({ value: '{}', timestamp })) })
  }
  const start = { partition: 0, committed: 0n }
  await post(['1700000000000', '1700000005000'])
  expect(await peek.queuedAt(topic, { ...start, end: 2n })).toBe(1_700_000_000_000)
  expect(await peek.queuedAt(topic, { ...start, committed: 1n, end: 2n })).toBe(1_700_000_005_000)
  expect(await peek.queuedAt(topic, { ...start, end: 2n })).toBe(1_700_000_000_000)
  await admin.deleteTopics({ topics: [topic] })
  await vi.waitUntil(async () => !(await admin.listTopics()).includes(topic), wait)
  await post(['1700000009000'])
  const again = () => peek.queuedAt(topic, { ...start, end: 1n }).catch(() => undefined)
  await vi.waitUntil(async () => (await again()) === 1_700_000_009_000, wait)
  await Promise.all([admin.disconnect(), producer.disconnect(), peek.close()])
})
