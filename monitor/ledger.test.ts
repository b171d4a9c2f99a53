import { expect, test } from 'vitest'
import { ledgerOf, missingFor, missingNow, type LedgerTotals } from './ledger.ts'

/** Each stage as [arrived, entered, processed, dead]. */
function totals(rows: readonly (readonly [number, number, number, number?])[], unsent = 0): LedgerTotals {
  const stages = rows.map(([arrived, entered, processed, dead = 0], index) => {
    return [`stage${index + 1}`, { arrived, entered, processed, dead, busy: 0 }] as const
  })
  return { stages: new Map(stages), messages: { unsent, entered: 0, finished: 0, dead: 0, duplicates: 0 } }
}

/** What waits in front of each stage by the broker. */
function broker(...waiting: readonly number[]): Map<string, number> {
  return new Map(waiting.map((count, index) => [`stage${index + 1}`, count]))
}

/** At rest the totals before and after are the same. */
const still = (one: LedgerTotals, waiting: ReadonlyMap<string, number>) => [
  ...missingNow({ before: one, after: one }, waiting).values(),
]

const gap = totals([
  [0, 10, 10],
  [10, 0, 4],
])

test('nothing is missing where rows and broker agree', () => {
  const agreed = totals([
    [0, 10, 7, 1],
    [7, 0, 5],
  ])
  expect(still(agreed, broker(2, 2))).toEqual([0, 0])
})

test('what the rows have and the broker has not is missing', () => {
  expect(still(gap, broker(0, 1))).toEqual([0, 5])
})

test('what a stage has saved and not sent on is still in front of it', () => {
  expect(still(gap, broker(6, 0))).toEqual([0, 0])
  expect(still(gap, broker(5, 0))).toEqual([0, 1])
})

test('what a generator has saved and not sent is in its outbox', () => {
  expect(still(totals([[0, 10, 4]], 6), broker(0))).toEqual([0])
  expect(still(totals([[0, 10, 4]], 5), broker(0))).toEqual([1])
})

test('posted by hand and posted twice wait at the broker alone', () => {
  const done = totals([
    [0, 10, 10],
    [10, 0, 10],
  ])
  expect(still(done, broker(3, 2))).toEqual([0, 0])
})

test('of a stage that could not be read, and of the next one, nothing is known', () => {
  const lost = totals([
    [0, 10, 10],
    [10, 0, 4],
    [4, 0, 0],
    [0, 9, 0],
  ])
  const waiting = new Map([
    ['stage1', 0],
    ['stage3', 0],
    ['stage4', 0],
  ])
  expect(missingNow({ before: lost, after: lost }, waiting)).toEqual(
    new Map([
      ['stage1', 0],
      ['stage4', 9],
    ]),
  )
})

test('what moves between the two readings of the rows is not missing', () => {
  const before = totals([
    [0, 100, 100],
    [100, 0, 20],
  ])
  const after = totals([
    [0, 100, 100],
    [100, 0, 70],
  ])
  // 50 were done meanwhile: by the first reading 80 wait, and the broker has 30 by now.
  expect([...missingNow({ before, after }, broker(0, 30)).values()]).toEqual([0, 0])
})

test('missing is only what was missing all the time', () => {
  const missing = (counts: readonly (number | undefined)[]) =>
    missingFor(
      counts.map((count, index) => {
        return { at: index * 5, missing: new Map(count === undefined ? [] : [['lcm', count]]) }
      }),
      'lcm',
    )
  const minute = Array.from({ length: 13 }, () => 3)
  expect(missing(minute)).toBe(3)
  expect(missing(minute.slice(1))).toBe(0)
  expect(missing(minute.with(6, 1))).toBe(1)
  expect(missing([0, ...minute])).toBe(3)
  // A sample without the stage changes nothing.
  expect(missing([3, undefined, ...minute.slice(1)])).toBe(3)
  expect(missing([])).toBe(0)
})

test('the ledger adds up', () => {
  const messages = { entered: 102, finished: 80, dead: 7, duplicates: 3, unsent: 0 }
  const ledger = ledgerOf({ ...totals([]), messages }, 3)
  expect(ledger).toEqual({ entered: 102, in_flight: 12, finished: 80, dead: 7, duplicates: 3, missing: 3 })
  expect(ledger.in_flight + ledger.finished + ledger.dead + ledger.missing).toBe(ledger.entered)
})
