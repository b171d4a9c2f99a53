import { expect, test, vi } from 'vitest'
import type { DeadLetter } from '../sql/outcome.ts'
import { save } from '../pipeline/save.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { readConfig } from '../pipeline/config.ts'
import { spanId } from '../telemetry/trace-context.ts'
import { int2s, uuids } from '../sql/binary-array.ts'
import { openDatabase } from '../sql/database.ts'
import { selectSavedResults } from '../sql/results.ts'
import { deadLetter, message, result } from './support/data/outcomes.fixture.ts'

/** Connections of another process. */
const pipelineOf = (env: Readonly<Record<string, string>>) => openDatabase(readConfig(env), 2)

const add = { stage: { name: 'add' }, target: 'next' }

test('batches that come again are told by their rows, and cost no connection', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const batches = [1, 2, 3].map((offset) => [result(message(offset))])
  const again = batches.map((batch) => batch.map((outcome) => ({ ...outcome, startedAt: outcome.startedAt + 1 })))
  for (const batch of batches) await save(database, add, batch)
  const connect = vi.fn<() => void>()
  database.on('connect', connect)
  for (const batch of again) expect((await save(database, add, batch)).redelivered.size).toBe(1)
  expect(connect).not.toHaveBeenCalled()
})

test('a batch that is saved again because the answer was lost is not called redelivered', async () => {
  await using pipeline = await freshPipeline()
  const batch = [result(message(1)), deadLetter(message(2))]
  await save(pipeline.database, add, batch)
  const saved = await save(pipeline.database, add, batch)
  expect(saved).toMatchObject({ results: [{}], deadLetters: [{}], duplicates: [] })
  expect(saved.redelivered).toEqual(new Set())
})

test('of two deliveries at the same time that decide differently one row is left, and both publish what it says', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const others = pipelineOf(pipeline.env)
  try {
    for (let round = 0; round < 20; round += 1) {
      const from = message(round)
      const [one, other] = await Promise.all([save(database, add, [result(from)]), save(others, add, [deadLetter(from)])])
      expect(one.results.length).toBe(other.results.length)
      expect(one.deadLetters.length).toBe(other.deadLetters.length)
      expect(one.results.length + one.deadLetters.length).toBe(1)
    }
  } finally {
    await others.end()
  }
  const { rows } = await database.query(`
    select count(*)::int as rows, (select (sum(processed) + sum(dead))::int from counters) as counted from results`)
  expect(rows).toEqual([{ rows: 20, counted: 20 }])
})

test('of one message on two partitions at the same time, one record is sent on, whatever the other was made into', async () => {
  await using pipeline = await freshPipeline()
  const others = pipelineOf(pipeline.env)
  try {
    for (let round = 0; round < 20; round += 1) {
      const from = message(round)
      const copy = message(round, { id: from.id, partition: 1 })
      const saved = await Promise.all([save(pipeline.database, add, [result(from)]), save(others, add, [deadLetter(copy)])])
      expect(saved.flatMap(({ results, deadLetters }) => [...results, ...deadLetters])).toHaveLength(1)
      expect(saved.flatMap(({ duplicates }) => duplicates)).toHaveLength(1)
    }
  } finally {
    await others.end()
  }
})

test('nothing that a record contains shifts or blocks the rows of its neighbours', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const odd = Buffer.from([0x1f, 0x00, 0xff, 0x5c, 0x22, 0x7b, 0x2c])
  const headers = { odd, text: '\u001f\u0000', 'na\u001fme': odd }
  const outcomes = [
    result(message(1), '{"a":"\\u001f\\u0000"}'),
    deadLetter(message(2, { value: odd, headers })),
    result(message(3, { forwarded: headers })),
    deadLetter(message(4, { value: Buffer.from('\u001f'), headers: {} })),
    result(message(5)),
  ]
  await save(database, add, outcomes)
  const { rows } = await database.query(
    `select "offset", body, record_value, reason, headers from results order by "offset"`,
  )
  const kept = expect.stringContaining(String.raw`"text":"\u001f\u0000"`)
  expect(rows).toMatchObject([
    { offset: '1', body: '{"a":"\\u001f\\u0000"}', headers: null },
    { offset: '2', body: null, record_value: odd, reason: 'not-json', headers: kept },
    { offset: '3', record_value: null, reason: null, headers: kept },
    { offset: '4', record_value: Buffer.from('\u001f'), headers: '{}' },
    { offset: '5', record_value: null, reason: null, headers: null },
  ])
})

test('the parent of a message is kept where it is not the span of the stage before', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const multiply = { stage: { name: 'multiply' }, target: 'next', previous: 'add' }
  const [own, foreign] = [message(1), message(2)]
  const parent = { traceId: own.id, spanId: spanId(own.id, 1, 'add', 'send'), sampled: true }
  const other = { traceId: 'f'.repeat(32), spanId: 'e'.repeat(16), sampled: false }
  await save(database, multiply, [result({ ...own, parent }), result({ ...foreign, parent: other })])
  const { rows } = await database.query('select trace_id, parent_span_id, parent_flags from results order by "offset"')
  expect(rows).toEqual([
    { trace_id: own.id, parent_span_id: null, parent_flags: null },
    { trace_id: other.traceId, parent_span_id: other.spanId, parent_flags: 0 },
  ])
})

test('any other refusal of Postgres is thrown, and nothing of the batch is saved', async () => {
  await using pipeline = await freshPipeline()
  await pipeline.database.query(`
    create function fail() returns trigger language plpgsql as $$
    begin
      if new.reason = 'stage-failed' then raise exception 'disk full' using errcode = '53100'; end if;
      return new;
    end $$;
    create trigger fail before insert on results for each row execute function fail()`)
  const failing: DeadLetter = { ...deadLetter(message(2)), reason: 'stage-failed' }
  await expect(save(pipeline.database, add, [result(message(1)), failing])).rejects.toThrow('disk full')
  const { rows } = await pipeline.database.query('select from results union all select from counters')
  expect(rows).toEqual([])
})

test('a batch that comes again reads only the partitions that its ids are in', async () => {
  await using pipeline = await freshPipeline()
  const batch = Array.from({ length: 500 }, (_, offset) => result(message(offset)))
  await save(pipeline.database, add, batch)
  await pipeline.database.query('analyze')
  const { rows } = await pipeline.database.query<{ 'QUERY PLAN': string }>(`explain ${selectSavedResults}`, [
    'add',
    uuids(batch.map(({ message: { id } }) => id)),
    int2s(batch.map(() => 1)),
  ])
  const partitions = rows.flatMap((row) => /on (results_\w+)/.exec(row['QUERY PLAN'])?.[1] ?? [])
  expect(new Set(partitions).size).toBe(1)
})
