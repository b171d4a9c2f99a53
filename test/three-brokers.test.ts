import { expect, test } from 'vitest'
import { runChaos } from './chaos/run-chaos.ts'
import { chaosTable } from './chaos/report-table.ts'

test('of three brokers one is killed and never comes back: messages go on, none is lost or processed twice', async () => {
  const silent = () => {}
  const report = await runChaos({
    seed: 1,
    minutes: 1,
    replicas: 1,
    rate: 50,
    brokers: 3,
    only: ['gone for good'],
    say: silent,
    onLine: silent,
  })
  expect(report.problems.length === 0 ? 'all guarantees held' : chaosTable(report)).toBe('all guarantees held')
  expect([...report.standstills.keys()]).toEqual(['gone for good'])
  expect(report.unexpectedExits).toEqual([])
  expect(report.counts.finished).toBeGreaterThan(200)
}, 900_000)
