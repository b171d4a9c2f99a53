import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertFinished } from '../sql/counters.ts'
import { newMessageId } from '../pipeline/message.ts'
import { save } from '../pipeline/save.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { message, result } from './support/data/outcomes.fixture.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const entered = 1_700_000_000_000

const placeOf = (name: string) => ({ stage: { name }, target: 'next' })

/** Inserts the rows of a message through some stages, each part of which takes `part` milliseconds. Returns its id. */
async function insertMessage(stages: readonly string[], part: number): Promise<string> {
  const id = newMessageId()
  let sentAt = entered
  let queuedAt = entered
  for (const stage of stages) {
    const from = message(0, { id, sentAt, enteredAt: entered, queuedAt })
    const [startedAt, computedAt] = [queuedAt + part, queuedAt + 2 * part]
    const place = placeOf(stage)
    await save(pipeline.database, place, [{ ...result(from), startedAt, computedAt }])
    sentAt = computedAt + part
    queuedAt = sentAt + part
  }
  const metadata = { partition: 0, offset: 1n, appendedAt: queuedAt }
  const last = {
    ...result(message(0, { id, enteredAt: entered })),
    sentAt,
    sentSkewMs: 0,
    metadata,
    arrivedAt: queuedAt,
  }
  await insertFinished(pipeline.database, placeOf(stages.at(-1) ?? ''), [last])
  return id
}

async function steps(id: string) {
  const { rows } = await pipeline.database.query(
    `select stage, (extract(epoch from sent_at - computed_at) * 1000)::int as save,
       (extract(epoch from next_queued_at - sent_at) * 1000)::int as publish
     from steps where message_id = $1 order by queued_at, position`,
    [id],
  )
  return rows
}

const names = catalogue.map(({ name }) => name)

test('removed and added stages do not change the times of older messages', async () => {
  for (const path of [
    // Stages that were removed later, in the middle and at the end.
    names.toSpliced(3, 0, 'power'),
    [...names, 'power'],
    // Stages that were added later.
    names.toSpliced(2, 1),
    names.slice(0, -1),
  ]) {
    const id = await insertMessage(path, 5)
    expect(await steps(id)).toEqual(path.map((stage) => ({ stage, save: 5, publish: 5 })))
  }
})

test('steps with equal times are in the order of the pipeline', async () => {
  const id = await insertMessage(names, 0)
  expect(await steps(id)).toEqual(names.map((stage) => ({ stage, save: 0, publish: 0 })))
})
