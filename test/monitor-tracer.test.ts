import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { endTopics } from '../pipeline/route.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runFastMonitor } from './support/running-monitor.ts'

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

interface Row {
  readonly verdict: string
  readonly sentence: string
  readonly waiting: number
  readonly members: number
  readonly assigned: number
}

async function latest(): Promise<Row | undefined> {
  const { rows } = await pipeline.database.query<Row>(
    `select verdict, sentence, waiting::int, oldest_seconds as oldest, oldest_message as message, members, partitions,
       partitions_assigned as assigned, missing, utilisation
     from stage_now where stage = 'tracer'`,
  )
  return rows[0]
}

test('the tracer has a backlog on both topics, an oldest message and a verdict, and no part in the ledger', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  await using monitor = runFastMonitor(pipeline)
  vi.unstubAllEnvs()
  await vi.waitUntil(async () => (await latest())?.sentence.startsWith('tracer is idle'), wait)
  const oldest = newMessageId()
  await pipeline.post('dead-letter', 'no', { 'message-id': oldest }, 1)
  for (let count = 0; count < 3; count += 1) await pipeline.post('finish', '{}', {}, 2)
  await vi.waitUntil(async () => (await latest())?.waiting === 4, wait)
  expect(await latest()).toMatchObject({
    verdict: 'STOPPED',
    sentence: expect.stringMatching(/^tracer is stopped: 4 waiting, .* start it: throughline tracer$/),
    message: oldest,
    members: 0,
    partitions: 8,
    assigned: 0,
    missing: null,
    utilisation: null,
  })
  const { group, topics } = endTopics(pipeline.config)
  const [finish, deadLetters] = topics
  const backlog = (partition: string) =>
    monitor.gauge('throughline_backlog_messages', { stage: 'tracer', position: '07', partition })
  expect(await backlog(`${finish}/2`)).toBe(3)
  expect(await backlog(`${deadLetters}/1`)).toBe(1)
  expect(await monitor.gauge('throughline_verdict', { stage: 'tracer' })).toBe(4)
  expect(await monitor.gauge('throughline_missing_messages', { stage: 'tracer' })).toBeUndefined()
  expect(await monitor.gauge('throughline_ledger_messages', { account: 'in_flight' })).toBe(0)

  const consumer = pipeline.kafka.consumer({ groupId: group })
  await consumer.connect()
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await consumer.run({ autoCommitThreshold: 1, eachMessage: () => Promise.resolve() })
  await vi.waitUntil(async () => (await latest())?.assigned === 8, wait)
  await vi.waitUntil(async () => (await latest())?.waiting === 0, wait)
  expect(await latest()).toMatchObject({ verdict: 'OK', oldest: 0, message: null, members: 1 })
  await consumer.disconnect()
})

test('where no traces are exported the tracer is not monitored, and not shown', async () => {
  await pipeline.post('finish', '{}')
  await using monitor = runFastMonitor(pipeline)
  await vi.waitUntil(async () => (await monitor.gauge('throughline_verdict', { stage: 'add' })) === 0, wait)
  expect(await monitor.gauge('throughline_verdict', { stage: 'tracer' })).toBeUndefined()
  const { rows } = await pipeline.database.query('select stage from stage_samples where stage = $1', ['tracer'])
  expect(rows).toEqual([])
})
