import { afterAll, beforeAll, expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

const wait = { timeout: 120_000, interval: 100 }

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const type = (...args: string[]) => throughline(args, { env: pipeline.env })

async function rowsOf(text: string, values: unknown[] = []) {
  return (await pipeline.database.query<Record<string, unknown>>(text, values)).rows
}

/** The states of the dead letters of a message, by their attempts. */
async function states(id: string) {
  const text = `select attempt || ' ' || state as state from dead_letters where message_id = $1 order by attempt, stage`
  return (await rowsOf(text, [id])).map(({ state }) => state)
}

test('a dead letter that is given up is not sent by a redrive, and its note is shown', async () => {
  await using _stages = runStages(pipeline)
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[-5]}', { 'message-id': id })
  await expect.poll(() => states(id), wait).toEqual(['1 open'])
  expect(JSON.parse((await type('status', '--json')).stdout)).toMatchObject({ openDeadLetters: 1 })
  expect((await type('dead-letters', '--ids')).stdout).toBe(`${id}\n`)
  expect((await type('dead-letters', '--resolve', id)).stderr).toBe('--resolve ID and --note TEXT need each other.\n')
  expect(await type('dead-letters', '--resolve', id, '--note', 'a test')).toEqual({
    code: 0,
    stdout: `${id}  attempt 1, given up at square-root\n`,
    stderr: '',
  })
  expect(await type('dead-letters', '--resolve', id, '--note', 'again')).toEqual({
    code: 1,
    stdout: '',
    stderr: `The dead letter of message ${id} at square-root is given up already.\n`,
  })
  expect((await type('dead-letters')).stdout).toBe('No open dead letters. --all also lists others.\n')
  expect((await type('dead-letters', '--all', '-n', '1')).stdout).toMatch(new RegExp(`^${id} .* square-root {2}given up\n`))
  expect((await type('dead-letters', id)).stdout).toContain('\nstate    given up: a test\n')
  expect((await type('replay', '--since', '1h', '--yes')).stdout).toBe('No open dead letter matches.\n')
  // By its id it is sent all the same.
  expect((await type('replay', id)).stdout).toBe(`${id}  attempt 2, from square-root\n`)
  await expect.poll(() => states(id), wait).toEqual(['1 superseded', '2 open'])
  expect((await type('replay', '--since', '1h', '--yes')).stdout).toMatch(/\n1 of 1 message sent\.\n$/)
  await expect.poll(() => states(id), wait).toEqual(['1 superseded', '2 superseded', '3 open'])
  await type('dead-letters', '--resolve', id, '--note', 'for good')
  expect(await states(id)).toEqual(['1 superseded', '2 superseded', '3 given up'])
})

test('a number that was reserved and perhaps sent is used again, and the stage processes one record', async () => {
  const id = newMessageId()
  const headers = { 'message-id': id }
  {
    await using _stages = runStages(pipeline)
    await pipeline.post('stage6', '{"numbers":[1],"sum":1,"lcm":1}', headers)
    await expect.poll(() => states(id), wait).toEqual(['1 open'])
  }
  // As a command leaves it that was killed after it had sent the record.
  await pipeline.database.query(`insert into replays (message_id, attempt, stage) values ($1, 2, 'square-root')`, [id])
  await pipeline.post('stage6', '{"numbers":[1],"sum":1,"lcm":1}', { ...headers, attempt: '2' })
  expect(await states(id)).toEqual(['1 in replay'])
  await pipeline.database.query(`update replays set replayed_at = now() - interval '3 min' where message_id = $1`, [id])
  expect(await states(id)).toEqual(['1 open'])
  expect((await type('replay', '--stage', 'square-root', '--since', '1h', '--yes')).stdout).toMatch(/1 of 1 message sent/)
  await using _stages = runStages(pipeline)
  await expect.poll(() => states(id), wait).toEqual(['1 superseded', '2 open'])
  const duplicates = () => rowsOf('select duplicates::int from message_totals')
  await expect.poll(duplicates, wait).toEqual([{ duplicates: 1 }])
  expect(await rowsOf('select attempt, sent_at is null as unsent from replays where message_id = $1', [id])).toEqual([
    { attempt: 2, unsent: false },
  ])
})

test('an attempt that begins after the stage neither resolves its dead letter nor hides it; a stage may be gone', async () => {
  const id = newMessageId()
  await pipeline.database.query(
    `insert into results (message_id, entered_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, reason,
       explanation, body, result)
     select $1, now(), now(), now(), now() - interval '1 d', 0, 0, attempt, stage, reason, reason, body, body
     from (values (1, 'gone', 'stage-failed', null), (1, 'lcm', 'stage-failed', null), (2, 'sine', null, '{}')) t (attempt, stage, reason, body)`,
    [id],
  )
  await pipeline.database.query(`insert into replays (message_id, attempt, stage, sent_at) values ($1, 2, 'sine', now())`, [
    id,
  ])
  expect(await states(id)).toEqual(['1 open', '1 open'])
  expect((await type('replay', '--reason', 'stage-failed', '--since', '2d')).stdout).toMatch(
    /^1 message, [\s\S]* lcm [\s\S]*\n1 of stages that the pipeline no longer has: not sent\.\n$/,
  )
})

test('of more than 10,000 dead letters the latest are read, and counts and lists say so', async () => {
  const id = newMessageId()
  await pipeline.database.query(
    `with made as materialized (
       select uuidv7() as id, now() + n * interval '1 ms' as at from generate_series(1, 10000) n
       union all select $1, now() - interval '1 d'
     ), given_up as (
       insert into resolutions (message_id, attempt, stage, note) select made.id, 1, 'lcm', 'a test' from made where made.id <> $1
     )
     insert into results (message_id, entered_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, reason,
       explanation)
     select made.id, at, at, at, at, 0, 0, 1, 'lcm', 'stage-failed', 'It broke.' from made`,
    [id],
  )
  expect(JSON.parse((await type('status', '--json')).stdout)).toMatchObject({
    openDeadLetters: 0,
    hasOlderDeadLetters: true,
  })
  expect((await type('status')).stdout).toContain(
    'open dead letters: none of the latest 10,000; older ones are not counted',
  )
  expect(await type('dead-letters', '--json', '--stage', 'lcm')).toEqual({
    code: 0,
    stdout: '[]\n',
    stderr: 'Dead letters older than the latest 10,000 at lcm were not read.\n',
  })
  expect((await type('replay', '--stage', 'lcm', '--since', '2d')).stdout).toMatch(/^[12] messages?, /)
  await pipeline.database.query(`delete from resolutions where stage = 'lcm'`)
  expect((await type('status')).stdout).toContain('open dead letters: at least 10,000 (see')
  expect((await type('dead-letters', '-n', '1', '--ids')).stderr).toBe('')
})
