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

/** Sends messages to each of four partitions in one request. */
async function postToEach(pipeline: FreshPipeline, times: number) {
  const producer = pipeline.kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: 4 * times }, (_, index) => ({ value: '{}', partition: index % 4 }))
  await producer.send({ topic: `${pipeline.config.TOPIC_PREFIX}start`, messages })
  await producer.disconnect()
}

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
  await postToEach(pipeline, 3)
  await using _ = runStages(pipeline, [slowStage(0)])
  await vi.waitUntil(async () => (await saved(pipeline)).rows.every((rows) => rows === '3'), wait)
  expect((await saved(pipeline)).transactions).toBe(1)
  await expect.poll(() => committed(pipeline), wait).toEqual(['3', '3', '3', '3'])
})

test('when the time for computing ends within coalesced batches, each partition is committed as far as it is processed', async () => {
  await using pipeline = await freshPipeline()
  await postToEach(pipeline, 3)
  {
    // Two messages fit into the time for computing, so the second batch ends in the middle of a partition.
    await using _ = runStages(pipeline, [slowStage(600)])
    await vi.waitUntil(async () => (await saved(pipeline)).transactions > 1, wait)
  }
  const { rows } = await saved(pipeline)
  expect(rows.filter((count) => count === '0').length).toBeGreaterThan(0)
  expect(await committed(pipeline)).toEqual(rows.map((count) => (count === '0' ? '-1' : count)))
})
