import { expect, test, vi } from 'vitest'
import { save } from '../pipeline/save.ts'
import { countDuplicates } from '../sql/counters.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { deadLetter, message, result } from './support/data/outcomes.fixture.ts'

test('a batch of several partitions is counted by partition, what enters and dies and comes again too', async () => {
  await using pipeline = await freshPipeline()
  const at = { stage: { name: 'add' }, target: 'next' }
  const onPartition = (offset: number, partition: number) => message(offset, { partition, sentAt: undefined })
  const [first, second, third, fourth] = [2, 0, 2, 1].map((partition, offset) => onPartition(offset, partition))
  if (!first || !second || !third || !fourth) throw new Error('Four messages were made')
  const duplicate = message(9, { id: second.id, partition: 1 })
  await save(pipeline.database, at, [result(first), result(second), deadLetter(third), deadLetter(fourth)])
  const { duplicates } = await save(pipeline.database, at, [result(first), result(duplicate)])
  await countDuplicates(pipeline.database, at, duplicates)
  const { rows } = await pipeline.database.query(
    `select partition, entered::int, processed::int, dead::int, duplicates::int
     from counters where stage = $1 order by partition`,
    [at.stage.name],
  )
  expect(rows).toEqual([
    { partition: 0, entered: 1, processed: 1, dead: 0, duplicates: 0 },
    { partition: 1, entered: 1, processed: 0, dead: 1, duplicates: 1 },
    { partition: 2, entered: 2, processed: 1, dead: 1, duplicates: 0 },
  ])
})

test('a batch with dead letters waits for whoever counts on the same partitions, and has nothing that those wait for', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const at = { stage: { name: 'add' }, target: 'next' }
  const batch = (offset: number) => [
    result(message(offset, { partition: 2 })),
    deadLetter(message(offset, { partition: 1 })),
  ]
  await save(database, at, batch(1))
  const other = await database.connect()
  const count = 'update counters set entered = entered + 1 where stage = $1 and partition = $2'
  await other.query('begin')
  await other.query(count, ['add', 1])
  const saved = save(database, at, batch(2))
  const waits = 'select from pg_stat_activity where wait_event_type = $1 and datname = current_database()'
  await vi.waitUntil(async () => (await database.query(waits, ['Lock'])).rowCount === 1, { timeout: 60_000 })
  await other.query(count, ['add', 2])
  await other.query('commit')
  other.release()
  expect(await saved).toMatchObject({ results: [{}], deadLetters: [{}] })
})
