import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLeaderLock } from '../monitor/leader-lock.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { startProbed } from './support/processes/probed-process.ts'

let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = await freshPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 100 }

test('a silent holder loses the lock, and cannot write over its connection any more', async () => {
  const [first, second] = [createLeaderLock(pipeline.config), createLeaderLock(pipeline.config)]
  expect(await first.acquire()).toBe(true)
  expect(await second.acquire()).toBe(false)
  expect(second.connection).toBeUndefined()
  const { connection } = first
  const { rows } = await connection!.query<{ idle_session_timeout: string }>('show idle_session_timeout')
  expect(rows).toEqual([{ idle_session_timeout: '20s' }])
  // What Postgres does by itself after those 20 s.
  await pipeline.database.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'
     and database = (select oid from pg_database where datname = current_database())`,
  )
  await vi.waitUntil(() => second.acquire(), wait)
  await expect(connection!.query('select 1')).rejects.toThrow(/not queryable|terminat/)
  expect(await first.acquire()).toBe(false)
  expect(first.connection).toBeUndefined()
  first.release()
  second.release()
})

test('when the active monitor is frozen another takes over; resumed, it stands by', async () => {
  await using first = await startProbed(['monitor'], pipeline.env)
  await vi.waitUntil(() => first.logged(/^Watching/).length === 1, wait)
  await using second = await startProbed(['monitor'], pipeline.env)
  await vi.waitUntil(() => second.logged(/standing by/).length === 1, wait)
  first.kill('SIGSTOP')
  await vi.waitUntil(() => second.logged(/^Watching/).length === 1, wait)
  first.kill('SIGCONT')
  await vi.waitUntil(() => first.logged(/standing by/).length === 1, wait)
  expect(second.logged(/standing by/)).toHaveLength(1)
})

test('without Postgres no monitor claims to be active', async () => {
  await using monitor = await startProbed(['monitor'], { ...pipeline.env, DB_PORT: '1' })
  await vi.waitUntil(() => monitor.logged(/^Postgres failed/).length === 1, wait)
  await vi.waitUntil(async () => (await monitor.probes())[0] === 200, wait)
  expect(monitor.logged(/[Ww]atching/)).toHaveLength(0)
})
