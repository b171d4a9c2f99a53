import { expect, test, vi } from 'vitest'
import type { Stage } from '../stages/stage.ts'
import { routeOf } from '../pipeline/route.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

const wait = { timeout: 240_000, interval: 20 }

const slowStage = (ms: number): Stage => ({
  name: 'taking',
  reads: 'start',
  adds: 'taken',
  apply() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    return true
  },
})

/** Sends a message to each of the partitions in one request. */
async function post(pipeline: FreshPipeline, partitions: readonly number[]) {
  const producer = pipeline.kafka.producer()
  await producer.connect()
  const messages = partitions.map((partition) => ({ value: '{}', partition }))
  await producer.send({ topic: `${pipeline.config.TOPIC_PREFIX}start`, messages })
  await producer.disconnect()
}

const threeInEach = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]

/** The number of rows by partition, and of the transactions that inserted them. */
async function saved({ database }: FreshPipeline) {
  const { rows } = await database.query<{ rows: string[]; transactions: number }>(
    `select array(select count(r)::text from generate_series(0, 3) as p left join results r on r.partition = p group by p order by p) as rows,
       (select count(distinct xmin::text)::int from results) as transactions`,
  )
  return { rows: rows[0]?.rows ?? [], transactions: rows[0]?.transactions ?? 0 }
}

/** The committed offset of each partition; -1 for none. */
async function committed({ kafka, config }: FreshPipeline) {
  const admin = kafka.admin()
  await admin.connect()
  const { group, source } = routeOf(config, 'add')
  const [answer] = await admin.fetchOffsets({ groupId: group, topics: [source] })
  await admin.disconnect()
  const partitions = answer?.partitions ?? []
  return partitions.toSorted((one, other) => one.partition - other.partition).map(({ offset }) => offset)
}

test('small batches of several partitions are coalesced: one transaction, and every partition is committed', async () => {
  await using pipeline = await freshPipeline()
  await post(pipeline, threeInEach)
  await using _ = runStages(pipeline, [slowStage(0)])
  await vi.waitUntil(async () => (await saved(pipeline)).rows.every((rows) => rows === '3'), wait)
  expect((await saved(pipeline)).transactions).toBe(1)
  await expect.poll(() => committed(pipeline), wait).toEqual(['3', '3', '3', '3'])
})

test('when the time for computing ends within coalesced batches, partitions take turns and each is committed as far as it is processed', async () => {
  await using pipeline = await freshPipeline()
  await post(pipeline, threeInEach)
  {
    // Two messages fit into the time for computing, so a transaction has two of the four partitions.
    await using _ = runStages(pipeline, [slowStage(600)])
    await vi.waitUntil(async () => (await saved(pipeline)).transactions > 1, wait)
  }
  const { rows } = await saved(pipeline)
  const counts = rows.map(Number)
  expect(Math.max(...counts)).toBeLessThan(3)
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
  expect(await committed(pipeline)).toEqual(rows)
})

test('a long batch of one partition of a slow stage leaves room for messages that arrive in the others', async () => {
  await using pipeline = await freshPipeline()
  await post(
    pipeline,
    Array.from({ length: 200 }, () => 0),
  )
  await using _ = runStages(pipeline, [slowStage(300)])
  await vi.waitUntil(async () => Number((await saved(pipeline)).rows[0]) > 0, wait)
  const before = Number((await saved(pipeline)).rows[0])
  await post(pipeline, [1, 2, 3])
  await vi.waitUntil(async () => (await saved(pipeline)).rows.slice(1).every((rows) => rows === '1'), wait)
  // Of the busy partition, about seven messages fit into a call, and about three into the batch under way.
  expect(Number((await saved(pipeline)).rows[0]) - before).toBeLessThan(30)
})
