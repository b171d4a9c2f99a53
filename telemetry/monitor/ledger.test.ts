import { expect, test } from 'vitest'
import { ledgerOf, missingFor, missingNow, type Account } from './ledger.ts'

/** Each stage as [entered, processed, dead, copies]. */
function account(stages: readonly (readonly [number, number, number?, number?])[], unsent = 0): Account {
  const rows = stages.map(([entered, processed, dead = 0, copies = 0], index) => ({
    stage: `stage${index + 1}`,
    entered,
    processed,
    dead,
    copies,
    busy: 0,
  }))
  return { stages: rows, unsent }
}

/** At rest the account before is the account after. */
const still = (one: Account) => ({ before: one, after: one })

test('nothing is missing where both accounts agree', () => {
  expect(
    missingNow(
      still(
        account([
          [10, 7, 1],
          [0, 5],
        ]),
      ),
      [2, 2],
    ),
  ).toEqual([0, 0])
})

test('what the rows have and the broker has not is missing', () => {
  expect(
    missingNow(
      still(
        account([
          [10, 10],
          [0, 4],
        ]),
      ),
      [0, 1],
    ),
  ).toEqual([0, 5])
})

test('what a stage has saved and not sent on is still in front of it', () => {
  expect(
    missingNow(
      still(
        account([
          [10, 10],
          [0, 4],
        ]),
      ),
      [6, 0],
    ),
  ).toEqual([0, 0])
  expect(
    missingNow(
      still(
        account([
          [10, 10],
          [0, 4],
        ]),
      ),
      [5, 0],
    ),
  ).toEqual([0, 1])
})

test('what a generator has saved and not sent is in its outbox', () => {
  expect(missingNow(still(account([[10, 4]], 6)), [0])).toEqual([0])
  expect(missingNow(still(account([[10, 4]], 5)), [0])).toEqual([1])
})

test('posted by hand and posted twice wait at the broker alone', () => {
  expect(
    missingNow(
      still(
        account([
          [10, 10],
          [0, 10],
        ]),
      ),
      [3, 2],
    ),
  ).toEqual([0, 0])
})

test('what moves between the two looks at the rows is not missing', () => {
  const before = account([
    [100, 100],
    [0, 20],
  ])
  const after = account([
    [100, 100],
    [0, 70],
  ])
  // 50 were done meanwhile: by the first look 80 wait, and the broker has 30 by now.
  expect(missingNow({ before, after }, [0, 30])).toEqual([0, 0])
})

test('missing is only what was missing all the time', () => {
  const moments = (missing: readonly number[]) =>
    missing.map((count, index) => ({ at: index * 5, missing: [count] }))
  const minute = Array.from({ length: 13 }, () => 3)
  expect(missingFor(moments(minute))).toEqual([3])
  expect(missingFor(moments(minute.slice(1)))).toEqual([0])
  expect(missingFor(moments(minute.with(6, 1)))).toEqual([1])
  expect(missingFor(moments([0, ...minute]))).toEqual([3])
  expect(missingFor([])).toEqual([])
})

test('the ledger adds up', () => {
  const ledger = ledgerOf(
    account([
      [100, 95, 3, 1],
      [2, 80, 4, 2],
    ]),
    [1, 2],
  )
  expect(ledger).toEqual({ entered: 102, in_flight: 12, finished: 80, dead: 7, copies: 3, missing: 3 })
  expect(ledger.in_flight + ledger.finished + ledger.dead + ledger.missing).toBe(ledger.entered)
})
