import { expect, test, vi } from 'vitest'
import { createHealth } from '../telemetry/health.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { Database } from '../sql/database.ts'
import type { FaultLease } from '../sql/scenarios.ts'
import { message, result } from '../test/support/data/outcomes.fixture.ts'
import { now } from '../telemetry/time.ts'
import { readConfig } from './config.ts'
import { injectFaults } from './faults.ts'

/** A table of leases that can be away. */
function fakeTable() {
  const table = { leases: [] as FaultLease[], isAway: false, effects: [] as unknown[] }
  const query = (statement: string | { text: string }, values: unknown[] = []) => {
    if (table.isAway) return Promise.reject(new Error('away'))
    if (typeof statement !== 'string') return Promise.resolve({ rows: table.leases.map((lease) => ({ ...lease })) })
    table.effects.push(values)
    return Promise.resolve({ rows: [] })
  }
  return { table, database: { query } as unknown as Database }
}

const lease = (fault: FaultLease['fault'], setting: FaultLease['setting'], leftMs: number): FaultLease => {
  return { id: 7, name: 'a-scenario', fault, setting, leftMs }
}

function process(): Parameters<typeof injectFaults>[0] {
  const metrics = createMetrics({ stage: 'add', position: 1 })
  return { config: readConfig({}), log: createLog('silent', {}), health: createHealth(metrics), metrics }
}

/** Faults whose leases are read, while a consumer runs that ends when it is told to. */
function startFaults(database: Database) {
  const stopping = new AbortController()
  const faults = injectFaults(process(), { database, stage: 'add' }, stopping.signal)
  const runs: AbortSignal[] = []
  const done = faults.consume(async (signal) => {
    runs.push(signal)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
  })
  return {
    faults,
    runs,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await done
    },
  }
}

const { signal } = new AbortController()

test('without a lease everything is as without scenarios', async () => {
  const { database } = fakeTable()
  await using started = startFaults(database)
  const computed = result(message(1))
  expect(started.faults.compute(() => computed)(message(1), signal)).toBe(computed)
  const handleBatch = () => Promise.resolve(1)
  const batch = { messages: [message(1)] } as never
  expect(await started.faults.handleBatch(handleBatch)(batch, () => Promise.reject(new Error('not asked')))).toBe(1)
})

test('slow: the computation takes longer, and that is part of its time', async () => {
  const { table, database } = fakeTable()
  table.leases = [lease('slow', { ms: 60 }, 60_000)]
  await using started = startFaults(database)
  await expect.poll(() => table.effects).toEqual([[7, 0]])
  const compute = started.faults.compute(() => result(message(1)))
  const begun = now()
  const slow = await vi.waitUntil(async () => {
    const computed = compute(message(1), signal)
    return computed instanceof Promise ? await computed : undefined
  })
  expect(slow.computedAt - begun).toBeGreaterThan(50)
})

test('stop: the consumer is left, and started again when the lease ends, also while Postgres is away', async () => {
  const { table, database } = fakeTable()
  table.leases = [lease('stop', {}, 500)]
  await using started = startFaults(database)
  await expect.poll(() => started.runs[0]?.aborted).toBe(true)
  table.isAway = true
  expect(started.runs).toHaveLength(1)
  await expect.poll(() => started.runs.length, { timeout: 5000 }).toBe(2)
  expect(started.runs[1]?.aborted).toBe(false)
})

test('flaky: a batch is tried again once, and counted', async () => {
  const { table, database } = fakeTable()
  table.leases = [lease('flaky', { share: 1 }, 60_000)]
  await using started = startFaults(database)
  await expect.poll(() => table.effects).toEqual([[7, 0]])
  let failures = 0
  const retry = async (attempt: (use: never) => Promise<unknown>): Promise<never> => {
    const use = ((_: string, step: () => Promise<unknown>) => step()) as never
    await attempt(use).catch(() => (failures += 1))
    return (await attempt(use)) as never
  }
  const handle = started.faults.handleBatch(() => Promise.resolve(1))
  await vi.waitUntil(async () => {
    expect(await handle({ messages: [message(1)] } as never, retry as never)).toBe(1)
    return failures > 0
  })
  expect(failures).toBe(1)
  await expect.poll(() => table.effects.at(-1), { timeout: 5000 }).toEqual([7, 1])
})
