import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { groupAssignments } from './support/kafka-records.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

/** The verdicts on a stage in order, without repetitions. */
async function verdicts(stage: string): Promise<string[]> {
  const { rows } = await pipeline.database.query<{ verdict: string }>(
    'select verdict from stage_samples where stage = $1 order by at',
    [stage],
  )
  return rows.map(({ verdict }) => verdict).filter((verdict, index, all) => verdict !== all[index - 1])
}

interface Row {
  readonly at: Date
  readonly waiting: number
  readonly oldest: number
  readonly verdict: string
  readonly sentence: string
  readonly members: number
}

async function latest(stage: string): Promise<Row | undefined> {
  const { rows } = await pipeline.database.query<Row>(
    `select at, waiting::int, oldest_seconds as oldest, verdict, sentence, members
     from stage_samples where stage = $1 order by at desc limit 1`,
    [stage],
  )
  return rows[0]
}

async function ledger() {
  const { rows } = await pipeline.database.query<Record<string, number>>(
    `select entered::int, in_flight::int, finished::int, dead::int, duplicates::int, missing::int
     from ledger_samples order by at desc limit 1`,
  )
  return rows[0]
}

/** Returns when the first of them is on the topic. */
async function postMany(count: number): Promise<number> {
  const producer = pipeline.kafka.producer()
  await producer.connect()
  const topic = `${pipeline.config.TOPIC_PREFIX}start`
  let first: number | undefined
  for (let left = count; left > 0; left -= 1000) {
    const messages = Array.from({ length: Math.min(left, 1000) }, (_, index) => ({
      value: '{"numbers":[1,2]}',
      partition: index % 4,
    }))
    const [answer] = await producer.send({ topic, messages })
    first ??= Number(answer?.logAppendTime)
  }
  await producer.disconnect()
  return first ?? Number.NaN
}

test('a dead stage with 50,000 waiting is stopped, with the right age; then it catches up, and is OK', async () => {
  await using monitor = runFastMonitor(pipeline)
  const group = `${pipeline.config.TOPIC_PREFIX}add`
  const start = () =>
    startThroughline({
      name: 'add',
      args: ['run', 'add'],
      env: childEnvironment({ ...pipeline.env, METRICS_PORT: '0' }),
    })
  await using killed = await start()
  await vi.waitUntil(async () => (await groupAssignments(pipeline.kafka, group)).length === 1, wait)
  // Until it was sampled at rest: what waits from the first sample on is not a burst.
  await vi.waitUntil(async () => (await latest('add'))?.members === 1, wait)
  killed.kill('SIGKILL')
  await killed.exited
  const first = await postMany(50_000)
  await vi.waitUntil(async () => (await latest('add'))?.verdict === 'STOPPED', wait)
  const stopped = await latest('add')
  expect(stopped?.waiting).toBe(50_000)
  expect(stopped?.sentence).toMatch(/^add is stopped: 50,000 waiting, .* start it: throughline run add$/)
  // Once it is known to be dead: 10 s after its last heartbeat, and before that half a minute has passed.
  const age = ((stopped?.at.getTime() ?? 0) - first) / 1000
  expect(Math.abs((stopped?.oldest ?? 0) - age)).toBeLessThan(1)
  expect(age).toBeLessThan(30)
  expect(await monitor.gauge('throughline_verdict', { stage: 'add' })).toBe(4)
  await using _again = await start()
  await vi.waitUntil(async () => (await latest('add'))?.sentence === 'add is idle: nothing waits', wait)
  expect(await verdicts('add')).toEqual(['OK', 'STOPPED', 'CATCHING UP', 'OK'])
  expect(await latest('add')).toMatchObject({ waiting: 0, oldest: 0 })
  // No process runs the next stage.
  expect((await latest('multiply'))?.verdict).toBe('STOPPED')
})

test('deleted behind the back of the system is missing; posted twice is a duplicate; the rest adds up', async () => {
  await using _monitor = runFastMonitor(pipeline)
  const [add, ...others] = catalogue
  if (add === undefined) throw new Error('No stage')
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const topic = `${pipeline.config.TOPIC_PREFIX}stage2`
  {
    await using _first = runStages(pipeline, [add])
    const id = newMessageId()
    for (let time = 0; time < 2; time += 1) await pipeline.post('start', '{"numbers":[1]}', { 'message-id': id })
    for (let count = 0; count < 9; count += 1) await pipeline.post('start', '{"numbers":[1]}', {}, count % 4)
    await pipeline.post('start', 'no', {}, 1)
    await vi.waitUntil(async () => (await ledger())?.['in_flight'] === 10, wait)
    await vi.waitUntil(async () => (await latest('add'))?.waiting === 0, wait)
  }
  const ends = await admin.fetchTopicOffsets(topic)
  const full = ends.find(({ high }) => Number(high) >= 2)
  if (full === undefined) throw new Error('No partition with two records')
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: full.partition, offset: '2' }] })
  await admin.disconnect()
  await vi.waitUntil(async () => (await ledger())?.['missing'] === 2, wait)
  await using _rest = runStages(pipeline, others)
  await vi.waitUntil(async () => (await ledger())?.['finished'] === 8, wait)
  await vi.waitUntil(async () => (await latest('square-root'))?.waiting === 0, wait)
  expect(await ledger()).toEqual({
    entered: 11,
    in_flight: 0,
    finished: 8,
    dead: 1,
    duplicates: 1,
    missing: 2,
  })
  const { rows } = await pipeline.database.query<{ missing: number }>(
    `select missing::int from stage_samples where stage = 'multiply' order by at desc limit 1`,
  )
  expect(rows).toEqual([{ missing: 2 }])
})

test('of two monitors one is active, and the other takes over', async () => {
  await using stack = new AsyncDisposableStack()
  const first = stack.use(runFastMonitor(pipeline))
  await vi.waitUntil(async () => (await first.gauge('throughline_monitor_active')) === 1, wait)
  await using second = runFastMonitor(pipeline)
  await vi.waitUntil(async () => (await second.gauge('throughline_monitor_active')) === 0, wait)
  expect(await second.gauge('throughline_verdict', { stage: 'add' })).toBeUndefined()
  await stack.disposeAsync()
  await vi.waitUntil(async () => (await second.gauge('throughline_monitor_active')) === 1, wait)
  await vi.waitUntil(async () => (await second.gauge('throughline_verdict', { stage: 'add' })) === 0, wait)
})

test('without a broker every stage is unknown, and no backlog is claimed', async () => {
  await using monitor = runFastMonitor(pipeline, { BOOTSTRAP_SERVERS: ['127.0.0.1:1'] })
  await vi.waitUntil(async () => (await monitor.gauge('throughline_verdict', { stage: 'sine' })) === 5, wait)
  expect(await monitor.gauge('throughline_backlog_messages', { stage: 'sine' })).toBeUndefined()
  await vi.waitUntil(async () => (await latest('sine'))?.sentence.includes('is unknown'), wait)
})
