import { afterAll, beforeAll, expect, test } from 'vitest'
import { save } from '../pipeline/save.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { deadLetter, message, result } from './support/data/outcomes.fixture.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

test('how long the process was busy is counted once, whatever the batch is made of', async () => {
  const at = { stage: { name: 'add' }, target: 'next' }
  const first = message(1)
  await save(pipeline.database, at, [result(first), deadLetter(message(2))], 0.5)
  await save(pipeline.database, at, [deadLetter(message(3))], 0.25)
  await save(pipeline.database, at, [result(first)], 1)
  const refused = 'a NUL is no text: \u0000'
  await save(pipeline.database, at, [result(message(4)), result(message(5), refused)], 2)
  const { rows } = await pipeline.database.query(
    'select busy_seconds, processed::int, dead::int from counters where stage = $1',
    [at.stage.name],
  )
  expect(rows).toEqual([{ busy_seconds: 3.75, processed: 2, dead: 3 }])
})
