import { expect, test } from 'vitest'
import { goalsOf } from './goals.ts'
import type { Figures, PartReport } from './report.ts'

function part(
  name: string,
  cases: Readonly<Record<string, Figures[]>>,
  keys: readonly string[] = [],
): PartReport {
  const all = Object.entries(cases).map(([each, rounds]) => ({ name: each, about: '', rounds }))
  const columns = keys.map((key) => ({ key, title: key }))
  return { part: name, about: '', columns, cases: all, notes: [], problems: [] }
}

const measured = (parts: readonly PartReport[]) =>
  Object.fromEntries(goalsOf(parts)?.cases.map(({ name, rounds }) => [name, rounds[0]?.['measured']]) ?? [])

test('a goal is held against the median; what is missed is named', () => {
  const rounds = [{ finished: 7999 }, { finished: 50 }, { finished: 20_000 }]
  const kept = [{ spansLost: 1, stageMemory: 140, tracerSeconds: 179 }]
  const report = goalsOf([part('drain', { untraced: rounds, kept })])
  expect(report?.cases[0]).toMatchObject({ rounds: [{ measured: 7999, bound: 8000 }] })
  expect(report?.notes).toEqual([
    'Not reached: "drain, untraced: finished/s, at least", "drain, kept: spans lost, under", ' +
      '"drain, kept: peak MB of a stage, under".',
  ])
})

test('decimals are held against integers', () => {
  const costs = part('costs', {
    'everything but traces': [{ finished: 10_000 }],
    'two decimals': [{ finished: 8000 }],
  })
  expect(measured([costs])).toEqual({ 'costs: finished/s, two decimals to integers, at least': 0.8 })
  expect(goalsOf([costs])?.notes).toEqual(['All that were measured are reached.'])
})

test('of all that Grafana asks, the slowest at the most rows counts', () => {
  const growth = part(
    'growth',
    {
      'a question of ours': [{ few: 1, many: 9000 }],
      'pipeline: Latest': [{ few: 900, many: 20 }],
      'alert: Backlog': [{ few: 1, many: 30 }],
      'throughline status': [{ few: 1, many: 700 }],
    },
    ['few', 'many'],
  )
  expect(measured([growth])).toEqual({
    'growth: ms of the slowest question of Grafana, under': 30,
    'growth: ms of status, under': 700,
  })
})

test('a run that says nothing of any goal has none', () => {
  expect(goalsOf([part('replicas', { '1 process': [{ computed: 200 }] })])).toBeUndefined()
})
