import { afterEach, beforeEach, expect, test } from 'vitest'
import { transaction } from '../sql/database.ts'
import { maintainPartitions, readDaysAhead } from '../sql/partitions.ts'
import {
  daysFromNow,
  firstIdAt,
  createPastPartitions,
  partitionSuffix,
  insertMessage,
  insertReplay,
} from './support/insert-messages.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'

const tables = ['finished', 'inputs', 'results'] as const

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline()
})
afterEach(() => pipeline[Symbol.asyncDispose]())

/** What is done as long as there is anything to do: "made results_20261126, 0 rows". */
async function keep(retentionDays = 14): Promise<string[]> {
  const all = await maintainPartitions(pipeline.database, retentionDays, () => true)
  return all.map(({ action, partition, rows }) => `${action} ${partition}, ${rows} rows`)
}

/** How many rows each partition holds that holds any. */
async function rowsIn(table: (typeof tables)[number]): Promise<Record<string, number>> {
  const { rows } = await pipeline.database.query<{ name: string; count: number }>(
    `select tableoid::regclass::text as name, count(*)::int as count from ${table} group by 1`,
  )
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]))
}

/** As if no partitions had been made from that day on. */
async function dropDaysFrom(days: number): Promise<void> {
  for (let day = days; day <= 3; day += 1) {
    for (const table of tables) {
      await pipeline.database.query(`drop table ${table}_${partitionSuffix(daysFromNow(day))}`)
    }
  }
}

test('a new database has partitions for today and three days more, and then there is nothing to do', async () => {
  const { rows } = await pipeline.database.query(
    'select count(*)::int, min(day) = max(day) - 3 as "isWhole" from day_partitions',
  )
  expect(rows).toEqual([{ count: 12, isWhole: true }])
  expect(await readDaysAhead(pipeline.database)).toBe(3)
  expect(await keep()).toEqual([])
})

test('days are ahead as far as each table has all of them', async () => {
  await pipeline.database.query(`drop table inputs_${partitionSuffix(daysFromNow(2))}`)
  expect(await readDaysAhead(pipeline.database)).toBe(1)
  await pipeline.database.query(`alter table results detach partition results_${partitionSuffix(daysFromNow(1))}`)
  expect(await readDaysAhead(pipeline.database)).toBe(0)
})

test('rows that the default partition holds of today or a coming day move into the partition that is made', async () => {
  await dropDaysFrom(0)
  const [today, coming, nextYear] = [daysFromNow(0), daysFromNow(2), daysFromNow(365)]
  for (const at of [today, coming, nextYear]) await insertMessage(pipeline.database, at)
  expect(await rowsIn('results')).toEqual({ results_default: 3 })
  const done = await keep()
  expect(done).toHaveLength(12)
  for (const table of tables) {
    expect(done).toContain(`made ${table}_${partitionSuffix(coming)}, 1 rows`)
    expect(await rowsIn(table)).toEqual({
      [`${table}_${partitionSuffix(today)}`]: 1,
      [`${table}_${partitionSuffix(coming)}`]: 1,
      [`${table}_default`]: 1,
    })
  }
  expect(await readDaysAhead(pipeline.database)).toBe(3)
})

test('a day of which the default partition holds very many rows stays there, and the others are made', async () => {
  await dropDaysFrom(0)
  await pipeline.database.query(
    `insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
     select (left($1::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, now(), now(), now(), n, 0, 1
     from generate_series(1, 100000) n`,
    [await firstIdAt(pipeline.database, daysFromNow(0))],
  )
  const done = await keep()
  expect(done.filter((line) => line.startsWith('made'))).toHaveLength(11)
  expect(done).toContain(`full finished_${partitionSuffix(daysFromNow(0))}, 0 rows`)
  expect(await rowsIn('finished')).toEqual({ finished_default: 100_000 })
  expect(await readDaysAhead(pipeline.database)).toBe(3)
})

test('a day that has been over for longer than the retention is dropped, one table after the other', async () => {
  const [old, young] = [daysFromNow(-15), daysFromNow(-14)]
  await createPastPartitions(pipeline.database, old)
  await insertMessage(pipeline.database, old)
  await pipeline.database.query('analyze')
  expect(await keep()).toEqual(tables.map((table) => `dropped ${table}_${partitionSuffix(old)}, 1 rows`))
  // The time between the days that went and those that are there is the default partition's.
  await insertMessage(pipeline.database, young)
  expect(await rowsIn('results')).toEqual({ results_default: 1 })
})

test('a day with a young row from a replay stays, and goes when that is old', async () => {
  const old = daysFromNow(-20)
  await createPastPartitions(pipeline.database, old)
  await insertReplay(pipeline.database, await insertMessage(pipeline.database, old), daysFromNow(-5))
  expect(await keep(6)).toEqual([])
  expect(await rowsIn('results')).toEqual({ [`results_${partitionSuffix(old)}`]: 2 })
  expect(await keep(4)).toHaveLength(3)
  expect(await rowsIn('results')).toEqual({})
})

test('a day with an input that waits to be sent stays, and goes when it was sent', async () => {
  const old = daysFromNow(-20)
  await createPastPartitions(pipeline.database, old)
  await insertMessage(pipeline.database, old, { isPublished: false })
  expect(await keep()).toEqual([])
  await pipeline.database.query('delete from outbox')
  expect(await keep()).toHaveLength(3)
})

test('where ids hold no time old rows are deleted one by one, and an input when no result is left', async () => {
  const { database } = pipeline
  const [old, young] = [daysFromNow(-20), daysFromNow(-13)]
  const foreign = (n: number) => `f0000000-0000-4000-8000-00000000000${n}`
  await insertMessage(database, old, { id: foreign(1) })
  await insertMessage(database, young, { id: foreign(2) })
  await insertReplay(database, await insertMessage(database, old, { id: foreign(3) }), young)
  await insertMessage(database, old, { id: foreign(4), isPublished: false })
  await insertMessage(database, old, { id: await firstIdAt(database, daysFromNow(400)) })
  await insertMessage(database, old)
  await database.query(
    `insert into replays (message_id, attempt, stage, replayed_at) values ($1, 2, 'add', $2), ($1, 3, 'add', $3)`,
    [foreign(3), old, young],
  )
  await database.query(
    `insert into resolutions (message_id, attempt, stage, note, at) values ($1, 1, 'add', '', $3), ($2, 1, 'add', '', $3)`,
    [foreign(1), foreign(3), old],
  )
  const deleted = (partition: string, rows: number) => `deleted ${partition}, ${rows} rows`
  expect(await keep()).toEqual([
    ...['results_past', 'finished_past', 'inputs_past'].map((name) => deleted(name, 1)),
    deleted('results_foreign', 3),
    deleted('finished_foreign', 3),
    deleted('inputs_foreign', 1),
    ...['results_default', 'finished_default', 'inputs_default'].map((name) => deleted(name, 1)),
    deleted('replays', 1),
    // The other one is of a message that has results.
    deleted('resolutions', 1),
  ])
  expect(await rowsIn('inputs')).toEqual({ inputs_foreign: 3 })
  expect(await rowsIn('results')).toEqual({ results_foreign: 2 })
})

test.each([
  ['reads', 'select count(*) from results'],
  ['writes', 'delete from results_default'],
])('a transaction that %s is not broken off: what it stands in the way of is made after it', async (_, statement) => {
  await dropDaysFrom(3)
  const coming = partitionSuffix(daysFromNow(3))
  await transaction(pipeline.database, async (client) => {
    await client.query(statement)
    expect(await keep()).toEqual([
      `made finished_${coming}, 0 rows`,
      `made inputs_${coming}, 0 rows`,
      `locked results_${coming}, 0 rows`,
    ])
  })
  expect(await keep()).toEqual([`made results_${coming}, 0 rows`])
})

test.each([
  ['reads', 'select count(*) from inputs'],
  ['reads another day', `select count(*) from inputs where message_id = first_id(now())`],
  ['writes another day', `insert into inputs values (first_id(now()), now(), 0, 'add')`],
])('a transaction that %s is not broken off: a day is dropped after it', async (_, statement) => {
  const old = daysFromNow(-20)
  await createPastPartitions(pipeline.database, old)
  const name = partitionSuffix(old)
  await transaction(pipeline.database, async (client) => {
    await client.query(statement)
    expect(await keep()).toEqual([`dropped finished_${name}, 0 rows`, `locked inputs_${name}, 0 rows`])
  })
  expect(await keep()).toEqual([`dropped inputs_${name}, 0 rows`, `dropped results_${name}, 0 rows`])
})

test('of several calls at once one does the work, and each thing is done once', async () => {
  await dropDaysFrom(1)
  const all = await Promise.all([keep(), keep(), keep(), keep()])
  const done = [...all.flat(), ...(await keep())]
  expect(done).toHaveLength(9)
  expect(new Set(done).size).toBe(9)
  expect(await readDaysAhead(pipeline.database)).toBe(3)
})
