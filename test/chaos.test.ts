import { expect, test } from 'vitest'
import { runChaos } from './chaos/run-chaos.ts'
import { targets } from './chaos/plan.ts'
import { chaosTable } from './chaos/report-table.ts'

/** Within that time every kind of fault occurs. */
const MINUTES = 2.5

test('no message is lost or processed twice, whatever happens to a process, a server, its network or its clock', async () => {
  const silent = () => {}
  const report = await runChaos({
    seed: 1,
    minutes: MINUTES,
    replicas: 2,
    rate: 50,
    brokers: 1,
    say: silent,
    onLine: silent,
  })
  expect(report.problems.length === 0 ? 'all guarantees held' : chaosTable(report)).toBe('all guarantees held')
  for (const [target, kinds] of Object.entries(targets)) {
    for (const kind of kinds) expect(report.faults).toContainEqual(expect.objectContaining({ target, kind }))
  }
  // A run in which few messages finished, or none became dead letters, proves nothing.
  expect(report.counts.finished).toBeGreaterThan(200)
  expect(report.counts.dead).toBeGreaterThan(20)
  expect(report.counts.republished).toBeGreaterThan(0)
}, 900_000)
