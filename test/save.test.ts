import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Outcome } from '../sql/outcome.ts'
import { now } from '../telemetry/time.ts'
import { save } from '../pipeline/save.ts'
import { countDuplicates } from '../sql/counters.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { deadLetter, message, result } from './support/data/outcomes.fixture.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** A stage of its own for every test, with its own rows and counters. */
function place() {
  return { stage: { name: `stage-${randomBytes(4).toString('hex')}` }, target: 'next' }
}

async function accountOf(stage: string) {
  const { rows } = await pipeline.database.query<Record<string, number>>(
    `select
      (select count(*)::int from results where stage = $1 and reason is null) as results,
      (select count(*)::int from dead_letters where stage = $1) as dead_letters,
      (select count(*)::int from inputs where stage = $1) as inputs,
      sum(entered)::int as entered, sum(processed)::int as processed, sum(dead)::int as dead, sum(duplicates)::int as duplicates
     from counters where stage = $1 group by stage`,
    [stage],
  )
  return rows[0]
}

const none = { results: 0, dead_letters: 0, inputs: 0, entered: 0, processed: 0, dead: 0, duplicates: 0 }

test('a new message is saved, counted and sent on', async () => {
  const at = place()
  const outcome = result(message(1))
  const saved = await save(pipeline.database, at, [outcome])
  expect(saved).toEqual({ results: [outcome], deadLetters: [], redelivered: new Set(), duplicates: [] })
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 1, processed: 1 })
})

test('a redelivery from the same offset is sent again as the row has it, and not counted again', async () => {
  const at = place()
  const from = message(1)
  await save(pipeline.database, at, [result(from, '{"first":1}')])
  const again = { ...result(from, '{"another":"version of the code"}'), startedAt: now(), computedAt: now() }
  const saved = await save(pipeline.database, at, [again])
  expect(saved.results.map(({ body }) => body)).toEqual(['{"first":1}'])
  expect(saved.redelivered).toEqual(new Set([from]))
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 1, processed: 1 })
})

test('a redelivery has the times of the row, to the microsecond', async () => {
  const at = place()
  const outcomes = Array.from({ length: 100 }, (_, index) => {
    const time = Number((1_700_000_000_000 + index * 7.919).toFixed(3))
    return { ...result(message(index)), startedAt: time, computedAt: time }
  })
  await save(pipeline.database, at, outcomes)
  const { results } = await save(pipeline.database, at, outcomes)
  expect(results).toMatchObject(outcomes.map(({ startedAt, computedAt }) => ({ startedAt, computedAt })))
})

test('a duplicate from another offset is dropped and counted, whatever partition it is on', async () => {
  const at = place()
  const from = message(1)
  await save(pipeline.database, at, [result(from)])
  const duplicates = [message(2, { id: from.id }), message(1, { id: from.id, partition: 3 })]
  const saved = await save(
    pipeline.database,
    at,
    duplicates.map((duplicate) => result(duplicate)),
  )
  expect(saved).toEqual({ results: [], deadLetters: [], redelivered: new Set(), duplicates })
  await countDuplicates(pipeline.database, at, duplicates)
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 1, processed: 1, duplicates: 2 })
})

test('of two records of one message within one batch the first goes on', async () => {
  const at = place()
  const first = message(1)
  const second = message(2, { id: first.id })
  const saved = await save(pipeline.database, at, [result(first), result(second), result(message(3))])
  expect(saved.results.map(({ message: { offset } }) => offset)).toEqual(['1', '3'])
  expect(saved.duplicates).toEqual([second])
  expect(saved.redelivered).toEqual(new Set())
})

test('another attempt of the same message is a message of its own', async () => {
  const at = place()
  const first = message(1)
  const saved = await save(pipeline.database, at, [result(first), result(message(2, { id: first.id, attempt: 2 }))])
  expect(saved.duplicates).toEqual([])
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 2, processed: 2 })
})

test('results and dead letters of a batch are saved together, each with its count', async () => {
  const at = place()
  const outcomes: Outcome[] = [result(message(1)), deadLetter(message(2)), result(message(3))]
  const saved = await save(pipeline.database, at, outcomes)
  expect([saved.results.length, saved.deadLetters.length]).toEqual([2, 1])
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 2, dead_letters: 1, processed: 2, dead: 1 })
})

test('a message keeps the row that it has when another version of the code decides otherwise', async () => {
  const at = place()
  const [processed, dead] = [message(1), message(2)]
  await save(pipeline.database, at, [result(processed, '{"kept":1}'), deadLetter(dead)])
  const saved = await save(pipeline.database, at, [deadLetter(processed), result(dead)])
  expect(saved.results.map(({ body }) => body)).toEqual(['{"kept":1}'])
  expect(saved.deadLetters.map(({ message: { offset }, reason }) => [offset, reason])).toEqual([['2', 'not-json']])
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 1, dead_letters: 1, processed: 1, dead: 1 })
})

test('what was posted by hand gets its inputs row and counts as entered, dead or not; what a stage sent does not', async () => {
  const at = place()
  const byHand = { sentAt: undefined }
  const outcomes = [result(message(1, byHand)), deadLetter(message(2, byHand)), result(message(3))]
  await save(pipeline.database, at, outcomes)
  await save(pipeline.database, at, outcomes)
  expect(await accountOf(at.stage.name)).toEqual({
    ...none,
    results: 2,
    dead_letters: 1,
    inputs: 2,
    entered: 2,
    processed: 2,
    dead: 1,
  })
})

test('a dead letter keeps its bytes and headers, whatever they are', async () => {
  const at = place()
  const value = Buffer.from([0, 255, 254, 10])
  const headers = { odd: Buffer.from([0, 200]) }
  await save(pipeline.database, at, [
    deadLetter(message(1, { value, headers })),
    deadLetter(message(2, { value: Buffer.alloc(0) })),
    deadLetter(message(3, { value: null })),
  ])
  const { rows } = await pipeline.database.query(
    'select record_value as body, headers from dead_letters where stage = $1 order by "offset"',
    [at.stage.name],
  )
  expect(rows).toEqual([
    { body: value, headers: String.raw`{"odd":"\u0000È"}` },
    { body: Buffer.alloc(0), headers: '{}' },
    { body: null, headers: '{}' },
  ])
})

test('results and bodies keep every character', async () => {
  const at = place()
  const body = `{ "numbers" : [1.50, 2e3], "note": "\\u00e9 é 🙂 \\u001f {},\\"" }`
  await save(pipeline.database, at, [{ ...result(message(1), body), numbers: '[1.50, 2e3]', result: '9'.repeat(500) }])
  const { rows } = await pipeline.database.query('select result, body from results where stage = $1', [at.stage.name])
  expect(rows).toEqual([{ result: '9'.repeat(500), body }])
})

test('a record that Postgres refuses for its content is a dead letter; the rest of its batch is saved', async () => {
  const at = place()
  await pipeline.database.query(`
    create function refuse_poison() returns trigger language plpgsql as $$
    begin
      if new.body like '%poison%' then raise exception 'no poison please' using errcode = '22000'; end if;
      return new;
    end $$;
    create trigger poison before insert on results for each row execute function refuse_poison()`)
  const outcomes = [1, 2, 3, 4, 5].map((offset) => result(message(offset), offset === 4 ? '{"poison":1}' : '{}'))
  const saved = await save(pipeline.database, at, outcomes)
  expect(saved.results.map(({ message: { offset } }) => offset)).toEqual(['1', '2', '3', '5'])
  expect(saved.deadLetters).toMatchObject([
    { reason: 'rejected-by-database', explanation: 'Postgres refuses to store the result: no poison please' },
  ])
  expect(await accountOf(at.stage.name)).toEqual({ ...none, results: 4, dead_letters: 1, processed: 4, dead: 1 })
})
