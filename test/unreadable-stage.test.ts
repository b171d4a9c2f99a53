import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHealth } from '../telemetry/health.ts'
import { createOutageTracker } from '../pipeline/retry.ts'
import { createAdmin } from '../kafka/client.ts'
import { monitoredGroups } from '../pipeline/route.ts'
import { readGroups } from '../monitor/take-sample.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runFastMonitor } from './support/running-monitor.ts'

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

test('a topic that is gone makes its own stage unknown, and no other; new partitions are seen', async () => {
  const { TOPIC_PREFIX: prefix } = pipeline.config
  await using monitor = runFastMonitor(pipeline)
  const verdictOf = (stage: string) => monitor.gauge('throughline_verdict', { stage })
  await vi.waitUntil(async () => (await verdictOf('lcm')) === 0, wait)
  const admin = pipeline.kafka.admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [`${prefix}stage3`] })
  await admin.createPartitions({ topicPartitions: [{ topic: `${prefix}stage4`, count: 5 }] })
  await vi.waitUntil(async () => (await verdictOf('lcm')) === 5, wait)
  for (const stage of ['add', 'multiply', 'average', 'sine']) expect(await verdictOf(stage)).toBe(0)
  await vi.waitUntil(async () => (await monitor.gauge('throughline_partitions', { stage: 'average' })) === 5, wait)
  await admin.createTopics({ topics: [{ topic: `${prefix}stage3`, numPartitions: 4 }] })
  await admin.disconnect()
  await vi.waitUntil(async () => (await verdictOf('lcm')) === 0, wait)
})

test('a record that cannot be read is counted all the same', async () => {
  await pipeline.post('start', '{"numbers":[1]}', {}, 2)
  const [group] = monitoredGroups(pipeline.config, false)
  if (group === undefined) throw new Error('No stage')
  const admin = createAdmin(pipeline.kafka)
  const records = {
    fetchOldestRecord: () => Promise.reject(new Error('LZ4 compression not implemented')),
    close: () => Promise.resolve(),
  }
  const outages = createOutageTracker('Reading', { log: pipeline.log, health: createHealth() })
  const groups = await readGroups([{ group, admin, records, outages }])
  await admin.disconnect()
  const { partitions = [] } = groups.get('add') ?? {}
  expect(partitions.map(({ waiting }) => waiting)).toEqual([0, 0, 1, 0])
  expect(partitions[2]).toMatchObject({ partition: '2', oldestAt: undefined, oldestMessage: undefined })
})
