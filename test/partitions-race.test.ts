import { expect, test, vi } from 'vitest'
import { transaction } from '../sql/database.ts'
import { maintainPartitions, type PartitionChange } from '../sql/partitions.ts'
import { daysFromNow, firstIdAt, createPastPartitions, partitionSuffix } from './support/insert-messages.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'

test('a row that is written while a day waits to be dropped keeps the day', async () => {
  await using pipeline = await freshPipeline()
  const old = daysFromNow(-20)
  await createPastPartitions(pipeline.database, old)
  const insert = `insert into results (message_id, entered_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, result, body)
    values ($1, now(), now(), now(), now(), 1, 0, 2, 'add', '1', '{}')`
  const id = await firstIdAt(pipeline.database, old)
  let dropping: Promise<PartitionChange[]> | undefined
  await transaction(pipeline.database, async (client) => {
    await client.query(insert, [id])
    dropping = maintainPartitions(pipeline.database, 14, () => true)
    const waits = `select from pg_locks where not granted and relation = 'results'::regclass`
    // The lock is waited for half a second; where that is over before it is seen, nothing is dropped either.
    await Promise.race([
      dropping,
      vi.waitUntil(async () => (await client.query(waits)).rowCount === 1, { timeout: 60_000 }),
    ])
  })
  const done = (await dropping) ?? []
  expect(done.filter(({ action, table }) => action === 'dropped' && table === 'results')).toEqual([])
  const { rows } = await pipeline.database.query(`select attempt from results_${partitionSuffix(old)}`)
  expect(rows).toEqual([{ attempt: 2 }])
})
