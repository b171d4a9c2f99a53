import { expect, test } from 'vitest'
import { runChaos } from './chaos/run.ts'
import { kinds, targets } from './chaos/plan.ts'
import { chaosTable } from './chaos/table.ts'

/** A deck of faults lasts about a minute: every kind is in it. */
const MINUTES = 1

test('nothing is lost and nothing is there twice, whoever is killed, frozen or restarted', async () => {
  const silent = () => {}
  const report = await runChaos({
    seed: 1,
    minutes: MINUTES,
    replicas: 2,
    rate: 50,
    say: silent,
    onLine: silent,
  })
  expect(report.problems.length === 0 ? 'every promise was kept' : chaosTable(report)).toBe(
    'every promise was kept',
  )
  for (const target of targets) {
    for (const kind of kinds) expect(report.faults).toContainEqual(expect.objectContaining({ target, kind }))
  }
  // A run in which hardly anything passed, or nothing died, would prove nothing.
  expect(report.counts.finished).toBeGreaterThan(200)
  expect(report.counts.dead).toBeGreaterThan(20)
  expect(report.counts.republished).toBeGreaterThan(0)
}, 900_000)
