import { afterAll, beforeAll, expect, test } from 'vitest'
import { dashboards } from './grafana/dashboards.ts'
import { interpolateSql, type Values } from './grafana/interpolate.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const stages = catalogue.map(({ name }) => name)
const last = stages.at(-1) ?? ''

async function insertInput(id: string): Promise<void> {
  await pipeline.database.query(
    `insert into inputs (message_id, created_at, partition, stage, numbers, body)
     values ($1, now() - interval '1 s', 0, 'add', '[1]', '{"numbers":[1]}')`,
    [id],
  )
}

interface Attempt {
  readonly attempt?: number
  /** The stages that it passes. */
  readonly path?: readonly string[]
  /** The reason why the last of them refuses it. */
  readonly reason?: string
  readonly body?: string
  readonly foreignTrace?: string
}

/** Inserts the rows of an attempt, in which every stage takes 4 ms, of which publish is 0. */
async function insertAttempt(
  id: string,
  { attempt = 1, path = stages, reason, body, foreignTrace }: Attempt,
): Promise<void> {
  for (const [index, stage] of path.entries()) {
    const isEnd = reason !== undefined && index === path.length - 1
    await pipeline.database.query(
      `insert into results (message_id, entered_at, previous_sent_at, queued_at, started_at, computed_at, "offset", partition,
         attempt, stage, result, body, reason, explanation, record_value, foreign_trace_id)
       select $1, entered, case when $3 > 0 then queued end, queued, queued + interval '1 ms', queued + interval '2 ms', $3, 0,
         $2, $4, case when $5::text is null then '1' end, case when $5 is null then $6 end, $5, $5, $6::bytea, $7::uuid
       from (select now() - interval '1 s' + $2 * interval '100 ms' as entered) e,
         lateral (select entered + $3 * interval '4 ms' as queued) q`,
      [id, attempt, index, stage, isEnd ? reason : null, body ?? '{"numbers":[1],"sum":1}', foreignTrace ?? null],
    )
  }
  if (reason !== undefined || path.length < stages.length) return
  await pipeline.database.query(
    `insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
     select message_id, entered_at, computed_at + interval '2 ms', computed_at + interval '2 ms', 0, 0, attempt
     from results where message_id = $1 and attempt = $2 and stage = $3`,
    [id, attempt, last],
  )
}

const page = dashboards.find(({ uid }) => uid === 'message')

/** The rows of each panel and the trace of the message that someone asks for. */
async function shown(message: string) {
  const run = async (text: string, values: Values) => {
    const range = { from: new Date(0), to: new Date() }
    return (await pipeline.database.query<Record<string, unknown>>(interpolateSql(text, range, values))).rows
  }
  const variable = async (name: string, values: Values) => {
    const text = page?.templating.list.find((each) => each.name === name)?.query ?? ''
    return String((await run(text, values))[0]?.[name])
  }
  const id = await variable('id', { message })
  const rowsOf = async (panel: number) =>
    await run(page?.panels.find((each) => each.id === panel)?.targets[0]?.rawSql ?? '', { message, id })
  const [[state], bars, steps, dead] = [await rowsOf(1), await rowsOf(2), await rowsOf(3), await rowsOf(5)]
  return { id, trace: await variable('trace', { id }), state, bars, steps, dead }
}

test('a message that does not exist has no rows, and no trace', async () => {
  const id = newMessageId()
  expect(await shown(id)).toEqual({ id, trace: id, state: undefined, bars: [], steps: [], dead: [] })
  const nonsense = await shown('nonsense')
  expect(nonsense).toMatchObject({ id: 'none', trace: '0'.repeat(32), state: undefined, steps: [] })
})

test('a message that waits has the stage that it waits for, and a bar that grows', async () => {
  const id = newMessageId()
  await insertInput(id)
  const first = await shown(id)
  expect(first.state).toMatchObject({ state: 'on its way', 'at stage': 'add', 'end to end': null })
  expect(first.bars).toEqual([expect.objectContaining({ label: 'add', wait: null, 'waiting so far': expect.any(Number) })])
  await insertAttempt(id, { path: stages.slice(0, 2) })
  const later = await shown(id)
  expect(later.state).toMatchObject({ state: 'on its way', 'at stage': stages[2] })
  expect(later.bars.map(({ label }) => label)).toEqual(stages.slice(0, 3))
  expect(later.steps.map(({ save }) => save !== null)).toEqual([true, false])
})

test('a dead letter has its reason, and its record', async () => {
  const id = newMessageId()
  await insertInput(id)
  await insertAttempt(id, { path: stages.slice(0, 3), reason: 'too-large', body: '{"numbers":[9]}' })
  const { state, bars, steps, dead } = await shown(id)
  expect(state).toMatchObject({ state: 'dead letter', 'at stage': stages[2] })
  expect(bars).toHaveLength(3)
  expect(steps.at(-1)).toMatchObject({ outcome: 'too-large', added: 'too-large', save: null, publish: null })
  expect(dead).toMatchObject([{ reason: 'too-large', body: '{"numbers":[9]}' }])
})

test('each of three attempts has its bars and rows', async () => {
  const id = newMessageId()
  await insertInput(id)
  await insertAttempt(id, { reason: 'no-answer' })
  await insertAttempt(id, { attempt: 2, path: [last], reason: 'no-answer' })
  await insertAttempt(id, { attempt: 3 })
  const { state, bars, steps, dead } = await shown(id)
  expect(state).toMatchObject({ state: 'finished', attempt: '3' })
  expect(bars.map(({ label }) => label)).toEqual([...stages, `2: ${last}`, ...stages.map((stage) => `3: ${stage}`)])
  expect(steps.map(({ attempt }) => Number(attempt))).toEqual([...stages.map(() => 1), 2, ...stages.map(() => 3)])
  expect(steps.at(-1)?.['publish']).toBe(0)
  expect(dead).toHaveLength(2)
})

test('a message with a foreign trace is found by its id and by its trace', async () => {
  const [id, foreignTrace] = [newMessageId(), newMessageId()]
  await insertInput(id)
  await insertAttempt(id, { foreignTrace })
  expect(await shown(id)).toMatchObject({ id, trace: foreignTrace, state: { state: 'finished' } })
  expect(await shown(foreignTrace)).toMatchObject({ id, trace: foreignTrace })
})

test('of a body of 900 KB the browser gets the beginning', async () => {
  const id = newMessageId()
  await insertInput(id)
  await insertAttempt(id, { body: JSON.stringify({ numbers: '7'.repeat(900_000) }) })
  const { state, steps } = await shown(id)
  expect(state).toMatchObject({ state: 'finished' })
  expect(steps.map(({ received }) => String(received).length)).toEqual([15, ...stages.slice(1).map(() => 2001)])
  expect(JSON.stringify(steps).length).toBeLessThan(20_000)
})
