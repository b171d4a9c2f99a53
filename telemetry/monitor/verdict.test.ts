import { expect, test } from 'vitest'
import { history, STEP, times, type Change } from './made-up-history.ts'
import { judgeStage, unwellPartitions, type Verdict } from './verdict.ts'

/** The verdict after each sample, judged at the moment of the sample. */
function words(changes: readonly Change[], partitions = 1): Verdict[] {
  const whole = history(changes, partitions)
  // The monitor remembers a minute and a bit.
  return whole.map(({ at }, index) =>
    judgeStage(
      whole.slice(0, index + 1).filter((moment) => at - moment.at <= 75),
      at,
    ),
  )
}

const last = (changes: readonly Change[], partitions = 1) => words(changes, partitions).at(-1)

test('idle is OK for as long as the clock runs, with consumers and without', () => {
  expect(new Set(words(times(2000, () => ({}))))).toEqual(new Set(['OK']))
  expect(new Set(words(times(2000, () => ({ members: 0 }))))).toEqual(new Set(['OK']))
})

test('work that passes within seconds is OK, however much it is', () => {
  const busy = times(50, (index) => ({ waiting: 5000, committed: index * 20_000, age: 1.5 }))
  expect(new Set(words(busy))).toEqual(new Set(['OK']))
})

test('a burst is OK for half a minute, then it is being caught up with, and then OK again', () => {
  const burst = times(14, (index) => ({
    waiting: 14_000 - index * 1000,
    committed: index * 1000,
    age: index * 5,
  }))
  const found = words([{}, ...burst, { waiting: 0, committed: 14_000 }])
  expect(found.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => 'OK'))
  expect(new Set(found.slice(7, -1))).toEqual(new Set(['CATCHING UP']))
  expect(found.at(-1)).toBe('OK')
})

test('a stage that is too slow is falling behind', () => {
  const slow = times(20, (index) => ({ waiting: 100 + index * 10, committed: index * 40, age: 6 + index }))
  expect(
    words(slow)
      .slice(2)
      .every((word) => word === 'FALLING BEHIND'),
  ).toBe(true)
})

test('one that takes nothing although it is there is stalled after half a minute', () => {
  const stuck = words([{ waiting: 0 }, ...times(8, () => ({ waiting: 10 }))])
  expect(stuck.lastIndexOf('OK')).toBe(30 / STEP)
  expect(stuck.at(-1)).toBe('STALLED')
})

test('work that comes after an idle hour is not stalled at once', () => {
  expect(last([...times(720, () => ({})), { waiting: 3 }])).toBe('OK')
})

test('work without consumers is stopped at once, and caught up with when they come back', () => {
  const stopped = times(20, () => ({ waiting: 50_000, members: 0 }))
  const back = times(10, (index) => ({
    waiting: 50_000 - index * 5000,
    committed: index * 5000,
    members: 1,
    age: 105 + index,
  }))
  const found = words([{ members: 0 }, ...stopped, ...back, { waiting: 0, committed: 50_000 }])
  expect(new Set(found.slice(1, 21))).toEqual(new Set(['STOPPED']))
  expect(new Set(found.slice(21, 31))).toEqual(new Set(['CATCHING UP']))
  expect(found.at(-1)).toBe('OK')
})

test('what was left alone for a moment is caught up with, although nothing waited before', () => {
  const left = [
    {},
    { waiting: 50_000, members: 0 },
    { members: 0 },
    { members: 1, waiting: 40_000, committed: 10_000 },
  ]
  expect(words(left)).toEqual(['OK', 'STOPPED', 'STOPPED', 'CATCHING UP'])
})

test('a group that has never committed has the whole log before it', () => {
  expect(last(times(3, () => ({ waiting: 1000, committed: 0, members: 0 })))).toBe('STOPPED')
  const starting = times(3, () => ({ waiting: 1000, committed: 0, members: 1, age: 3 }))
  expect(last(starting)).toBe('OK')
})

test('while a group rebalances its members are there, and nothing is stopped', () => {
  const rebalancing = words([
    { waiting: 5 },
    ...times(4, () => ({ waiting: 5 })),
    { waiting: 0, committed: 5 },
  ])
  expect(rebalancing).not.toContain('STOPPED')
  expect(rebalancing).not.toContain('STALLED')
})

test('a group whose offsets have expired has everything before it again', () => {
  const expired = [
    { committed: 5000 },
    { committed: 5000, members: 0 },
    { committed: 0, waiting: 5000, members: 0 },
  ]
  expect(last(expired)).toBe('STOPPED')
})

test('a topic that is created again begins anew', () => {
  const before = times(12, (index) => ({ waiting: 10, committed: 9000 + index, age: 20 + index * 5 }))
  expect(last(before)).toBe('FALLING BEHIND')
  expect(last([...before, { waiting: 8, committed: 0, age: 6 }])).toBe('CATCHING UP')
  expect(last([...before, { waiting: 0, committed: 0 }])).toBe('OK')
})

test('one hot partition is enough', () => {
  const hot = times(20, (index) => ({
    waiting: [0, 0, 100 + index, 0],
    committed: index * 10,
    age: [0, 0, 10 + index * 2, 0],
  }))
  expect(last(hot, 4)).toBe('FALLING BEHIND')
  expect(unwellPartitions(history(hot, 4))).toEqual([2])
})

test('a monitor that has just started knows who is stopped, and calls nobody worse than it has seen', () => {
  expect(last([{ waiting: 10, members: 0, age: 500 }])).toBe('STOPPED')
  expect(last([{ waiting: 10, age: 500 }])).toBe('CATCHING UP')
  expect(judgeStage([], 0)).toBe('UNKNOWN')
})

test('without a sample for 15 s nothing is known', () => {
  const old = history([{}])
  expect(judgeStage(old, 15)).toBe('OK')
  expect(judgeStage(old, 15.1)).toBe('UNKNOWN')
})

test('a jump of the clock makes nothing fall behind', () => {
  // From one sample to the next everything looks an hour older.
  const draining = times(20, (index) => ({
    waiting: 1000,
    committed: index * 50,
    age: 60 - index * 2 + (index < 15 ? 0 : 3600),
    wallJump: index === 15 ? 3600 : 0,
  }))
  expect(words(draining)).not.toContain('FALLING BEHIND')
})
