import { expect, test } from 'vitest'
import { save } from '../pipeline/save.ts'
import { freshPipeline } from './fresh-pipeline.ts'
import { deadLetter, message, result } from './made-up-outcomes.ts'

test('a batch of several partitions is counted by partition, what enters and dies and comes again too', async () => {
  await using pipeline = await freshPipeline()
  const at = { stage: 'add', topic: 'start', target: 'next' }
  const onPartition = (offset: number, partition: number) => message(offset, { partition, sentAt: undefined })
  const [first, second, third, fourth] = [2, 0, 2, 1].map((partition, offset) =>
    onPartition(offset, partition),
  )
  if (!first || !second || !third || !fourth) throw new Error('Four messages were made')
  const copy = message(9, { id: second.id, partition: 1 })
  await save(pipeline.database, at, [result(first), result(second), deadLetter(third), deadLetter(fourth)])
  await save(pipeline.database, at, [result(first), result(copy)])
  const { rows } = await pipeline.database.query(
    `select partition, entered::int, processed::int, dead::int, copies::int, messages::int as passed
     from counters left join passed_on using (stage, partition) where stage = $1 order by partition`,
    [at.stage],
  )
  expect(rows).toEqual([
    { partition: 0, entered: 1, processed: 1, dead: 0, copies: 0, passed: 1 },
    { partition: 1, entered: 1, processed: 0, dead: 1, copies: 1, passed: null },
    { partition: 2, entered: 2, processed: 1, dead: 1, copies: 0, passed: 1 },
  ])
})
