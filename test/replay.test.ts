import { afterAll, beforeAll, expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import type { Stage } from '../stages/stage.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const type = (...args: string[]) => throughline(args, { env: pipeline.env })

async function outcomes(id: string): Promise<string[]> {
  const { rows } = await pipeline.database.query<{ outcome: string }>(
    `select attempt || ' ' || stage || ' ' || coalesce(result, outcome) as outcome from steps
     where message_id = $1 order by attempt, position`,
    [id],
  )
  return rows.map(({ outcome }) => outcome)
}

const bodiesOf = async (id: string) => {
  const { rows } = await pipeline.database.query<{ body: string }>(
    `select body from results where message_id = $1 and stage = 'square-root' order by attempt`,
    [id],
  )
  return rows.map(({ body }) => body)
}

test('what died goes on from where it died, in a second attempt, once its stage is mended', async () => {
  const apply = () => {
    throw new Error('out of order')
  }
  const broken = catalogue.map((stage): Stage => (stage.name === 'average' ? Object.assign({}, stage, { apply }) : stage))
  const id = newMessageId()
  const headers = { 'message-id': id, colour: 'blue' }
  await pipeline.post('start', '{"numbers":[1.5,2]}', headers, 2)
  {
    await using _broken = runStages(pipeline, broken)
    expect((await type('follow', id)).code).toBe(1)
  }
  await using _mended = runStages(pipeline)
  expect((await type('dead-letters', '--ids')).stdout).toBe(`${id}\n`)
  expect(await type('replay', id)).toEqual({
    code: 0,
    stdout: `${id}  attempt 2, from average\n`,
    stderr: '',
  })
  const followed = await type('follow', id)
  expect(followed.stdout).toMatch(/Attempt 1: dead at average[\s\S]+Attempt 2: finished/)
  expect(await outcomes(id)).toEqual([
    '1 add 3.5',
    '1 multiply 3',
    '1 lcm 6',
    '1 average stage-failed',
    expect.stringMatching(/^2 average 1\.75$/),
    expect.stringMatching(/^2 sine /),
    expect.stringMatching(/^2 square-root /),
  ])
  const { rows } = await pipeline.database.query(
    `select distinct partition, headers, queued_at > now() - interval '10 min' as fresh from results
     where message_id = $1 and reason is null`,
    [id],
  )
  expect(rows).toEqual([{ partition: 2, headers: '{"colour":"blue"}', fresh: true }])
  const { rows: totals } = await pipeline.database.query(
    `select stage, entered::int, processed::int, dead::int from stage_totals where entered > 0 or dead > 0 order by position`,
  )
  expect(totals).toEqual([
    { stage: 'add', entered: 1, processed: 1, dead: 0 },
    { stage: 'average', entered: 1, processed: 1, dead: 1 },
  ])
})

test('from any stage, as often as one likes, each time the same bytes come out', async () => {
  await using _stages = runStages(pipeline)
  const [submitted, posted] = [(await type('submit', '{"numbers":[2,8]}')).stdout.trim(), newMessageId()]
  await pipeline.post('start', '{ "numbers": [2, 8] }', { 'message-id': posted })
  for (const id of [submitted, posted]) {
    expect((await type('follow', id)).code).toBe(0)
    expect((await type('replay', id, '--from', 'sine')).stdout).toBe(`${id}  attempt 2, from sine\n`)
    expect((await type('follow', id)).code).toBe(0)
    expect((await type('replay', id)).stdout).toBe(`${id}  attempt 3, from add\n`)
    expect((await type('follow', id)).code).toBe(0)
    const bodies = await bodiesOf(id)
    expect(bodies).toHaveLength(3)
    expect(new Set(bodies.map((body) => JSON.stringify(JSON.parse(body)))).size).toBe(1)
  }
})

test('two at once take two numbers', async () => {
  const id = newMessageId()
  await using _stages = runStages(pipeline)
  await pipeline.post('start', '{"numbers":[3]}', { 'message-id': id })
  expect((await type('follow', id)).code).toBe(0)
  const both = await Promise.all([type('replay', id), type('replay', id)])
  expect(both.map(({ stdout }) => stdout).toSorted()).toEqual([
    `${id}  attempt 2, from add\n`,
    `${id}  attempt 3, from add\n`,
  ])
})

test('one that a stage never got, or that nobody knows, is a sentence', async () => {
  const id = newMessageId()
  const unknown = await type('replay', id)
  expect(unknown).toEqual({ code: 2, stdout: '', stderr: `Message ${id} never came to add.\n` })
  expect((await type('replay', id, '--from', 'nowhere')).stderr).toContain('There is no stage "nowhere"')
  expect((await type('replay', 'hello')).stderr).toContain('Expected 32 hex digits')
})
