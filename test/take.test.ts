import { expect, test, vi } from 'vitest'
import type { Stage } from '../stages/stage.ts'
import { routeOf } from '../pipeline/route.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

const wait = { timeout: 240_000, interval: 20 }

const stageThatTakes = (ms: number): Stage => ({
  name: 'taking',
  reads: 'start',
  adds: 'taken',
  apply() {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    return true
  },
})

/** Posts some messages to each of four partitions, all at once. */
async function postToEach(pipeline: FreshPipeline, times: number) {
  const producer = pipeline.kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: 4 * times }, (_, index) => ({ value: '{}', partition: index % 4 }))
  await producer.send({ topic: `${pipeline.config.TOPIC_PREFIX}start`, messages })
  await producer.disconnect()
}

/** The rows of each partition, and in how many transactions they came. */
async function taken({ database }: FreshPipeline) {
  const { rows } = await database.query<{ rows: string[]; transactions: number }>(
    `select array(select count(r)::text from generate_series(0, 3) as p left join results r on r.partition = p group by p order by p) as rows,
       (select count(distinct xmin::text)::int from results) as transactions`,
  )
  return { rows: rows[0]?.rows ?? [], transactions: rows[0]?.transactions ?? 0 }
}

/** The offset that the group has committed on each partition; -1 for none. */
async function committed({ kafka, config }: FreshPipeline) {
  const admin = kafka.admin()
  await admin.connect()
  const { group, source } = routeOf(config, 'add')
  const [answer] = await admin.fetchOffsets({ groupId: group, topics: [source] })
  await admin.disconnect()
  const partitions = answer?.partitions ?? []
  return partitions.toSorted((one, other) => one.partition - other.partition).map(({ offset }) => offset)
}

test('the little that waits on several partitions is done together: one transaction, and every partition is committed', async () => {
  await using pipeline = await freshPipeline()
  await postToEach(pipeline, 3)
  await using _ = runStages(pipeline, [stageThatTakes(0)])
  await vi.waitUntil(async () => (await taken(pipeline)).rows.every((rows) => rows === '3'), wait)
  expect((await taken(pipeline)).transactions).toBe(1)
  await expect.poll(() => committed(pipeline), wait).toEqual(['3', '3', '3', '3'])
})

test('when only part of it is done in time, each partition is committed as far as it is done', async () => {
  await using pipeline = await freshPipeline()
  await postToEach(pipeline, 3)
  {
    // Two are done in a moment: the second moment ends in the middle of a partition.
    await using _ = runStages(pipeline, [stageThatTakes(600)])
    await vi.waitUntil(async () => (await taken(pipeline)).transactions > 1, wait)
  }
  const { rows } = await taken(pipeline)
  expect(rows.filter((count) => count === '0').length).toBeGreaterThan(0)
  expect(await committed(pipeline)).toEqual(rows.map((count) => (count === '0' ? '-1' : count)))
})
