import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createSeat } from '../monitor/seat.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { watchProcess } from './support/watched-process.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

test('whoever is silent loses the seat, and cannot write over its connection any more', async () => {
  const [first, second] = [createSeat(pipeline.config), createSeat(pipeline.config)]
  expect(await first.hold()).toBe(true)
  expect(await second.hold()).toBe(false)
  expect(second.connection).toBeUndefined()
  const { connection } = first
  const { rows } = await connection!.query<{ idle_session_timeout: string }>('show idle_session_timeout')
  expect(rows).toEqual([{ idle_session_timeout: '20s' }])
  // What Postgres does by itself after those 20 s.
  await pipeline.database.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
     and database = (select oid from pg_database where datname = current_database())`,
  )
  await vi.waitUntil(() => second.hold(), wait)
  await expect(connection!.query('select 1')).rejects.toThrow(/not queryable|terminat/)
  expect(await first.hold()).toBe(false)
  expect(first.connection).toBeUndefined()
  first.leave()
  second.leave()
})

test('when the one who watches is frozen another takes over; awake again, it stands by', async () => {
  await using first = await watchProcess(['monitor'], pipeline.env)
  await vi.waitUntil(() => first.said(/^Watching/).length === 1, wait)
  await using second = await watchProcess(['monitor'], pipeline.env)
  await vi.waitUntil(() => second.said(/standing by/).length === 1, wait)
  first.kill('SIGSTOP')
  await vi.waitUntil(() => second.said(/^Watching/).length === 1, wait)
  first.kill('SIGCONT')
  await vi.waitUntil(() => first.said(/standing by/).length === 1, wait)
  expect(second.said(/standing by/)).toHaveLength(1)
})

test('without Postgres nobody is said to watch', async () => {
  await using monitor = await watchProcess(['monitor'], { ...pipeline.env, DB_PORT: '1' })
  await vi.waitUntil(() => monitor.said(/^Postgres failed/).length === 1, wait)
  await vi.waitUntil(async () => (await monitor.doors())[0] === 200, wait)
  expect(monitor.said(/[Ww]atching/)).toHaveLength(0)
})
