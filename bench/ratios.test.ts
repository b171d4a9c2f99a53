import { expect, test } from 'vitest'
import { ratiosOf } from './ratios.ts'
import type { Figures, PartReport } from './report.ts'

function part(name: string, cases: Readonly<Record<string, Figures[]>>): PartReport {
  const all = Object.entries(cases).map(([each, rounds]) => ({ name: each, about: 'it', rounds }))
  return { part: name, about: '', columns: [], cases: all, notes: [], problems: [] }
}

const ceilings = part('ceilings', {
  'bare loop': [{ perSecond: 10_000 }, { perSecond: 30_000 }, { perSecond: 20_000 }],
  'raw insert': [{ perSecond: 120_000 }],
})

test('a drain is a share of each ceiling of the run; a message is six rows', () => {
  const drain = part('drain', { untraced: [{ finished: 5000 }], broken: [] })
  expect(ratiosOf([ceilings, drain])?.cases).toEqual([
    { name: 'drain, untraced', about: 'it', rounds: [{ loop: 0.25, insert: 0.25 }] },
  ])
})

test('without ceilings there are no ratios', () => {
  expect(ratiosOf([part('drain', { untraced: [{ finished: 5000 }] })])).toBeUndefined()
})
