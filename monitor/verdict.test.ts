import { expect, test } from 'vitest'
import { burstyHour, history, STEP, times, type Change } from '../test/support/data/backlog-history.fixture.ts'
import { ageOf, partitionSamples, WINDOW_SECONDS } from './samples.ts'
import { isBad, judgeStage, type Verdict } from './verdict.ts'

/** The verdict after each sample, judged at its time. */
function verdictsOf(changes: readonly Change[], partitions = 1): Verdict[] {
  const whole = history(changes, partitions)
  return whole.map(({ at }, index) => {
    const window = whole.slice(0, index + 1).filter((sample) => at - sample.at <= WINDOW_SECONDS)
    return judgeStage(window, at).verdict
  })
}

const last = (changes: readonly Change[], partitions = 1) => verdictsOf(changes, partitions).at(-1)

test('idle is OK for as long as the clock runs, with consumers and without', () => {
  expect(new Set(verdictsOf(times(2000, () => ({}))))).toEqual(new Set(['OK']))
  expect(new Set(verdictsOf(times(2000, () => ({ members: 0 }))))).toEqual(new Set(['OK']))
})

test('work that passes within seconds is OK, however much it is', () => {
  const busy = times(50, (index) => ({ waiting: 5000, committed: index * 20_000, age: 1.5 }))
  expect(new Set(verdictsOf(busy))).toEqual(new Set(['OK']))
})

test('a burst is OK for half a minute, then it is being caught up with, and then OK again', () => {
  const burst = times(14, (index) => ({
    waiting: 14_000 - index * 1000,
    committed: index * 1000,
    age: index * 5,
  }))
  const found = verdictsOf([{}, ...burst, { waiting: 0, committed: 14_000 }])
  expect(found.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => 'OK'))
  expect(new Set(found.slice(7, -1))).toEqual(new Set(['CATCHING UP']))
  expect(found.at(-1)).toBe('OK')
})

test('a stage that is too slow is falling behind', () => {
  const slow = times(20, (index) => ({ waiting: 100 + index * 10, committed: index * 40, age: 6 + index }))
  expect(
    verdictsOf(slow)
      .slice(2)
      .every((verdict) => verdict === 'FALLING BEHIND'),
  ).toBe(true)
})

test('a stage with members that commits nothing is stalled after half a minute', () => {
  const stuck = verdictsOf([{ waiting: 0 }, ...times(8, () => ({ waiting: 10 }))])
  expect(stuck.lastIndexOf('OK')).toBe(30 / STEP)
  expect(stuck.at(-1)).toBe('STALLED')
})

test('it is, too, when it has never committed and old records are removed before it', () => {
  const removed = times(9, (index) => ({
    waiting: 100 - index * 5,
    committed: index * 5,
    isUncommitted: true as const,
  }))
  expect(last([{ isUncommitted: true }, ...removed])).toBe('STALLED')
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
  const found = verdictsOf([{ members: 0 }, ...stopped, ...back, { waiting: 0, committed: 50_000 }])
  expect(new Set(found.slice(1, 21))).toEqual(new Set(['STOPPED']))
  expect(new Set(found.slice(21, 31))).toEqual(new Set(['CATCHING UP']))
  expect(found.at(-1)).toBe('OK')
})

test('what waited without members is caught up with, although nothing waited before', () => {
  const left = [{}, { waiting: 50_000, members: 0 }, { members: 0 }, { members: 1, waiting: 40_000, committed: 10_000 }]
  expect(verdictsOf(left)).toEqual(['OK', 'STOPPED', 'STOPPED', 'CATCHING UP'])
})

test('a group that has never committed has the whole log before it', () => {
  expect(last(times(3, () => ({ waiting: 1000, committed: 0, members: 0 })))).toBe('STOPPED')
  expect(last([{ waiting: 1000, committed: 0, members: 1, age: 3 }])).toBe('OK')
})

test('a group that rebalances has members without partitions: it is not stopped, and stalled after half a minute', () => {
  const sharing = (samples: number) => times(samples, () => ({ waiting: 5, assigned: 0 }))
  const short = verdictsOf([{}, ...sharing(6), { waiting: 0, committed: 5 }])
  expect(new Set(short)).toEqual(new Set(['OK']))
  const long = verdictsOf([{}, ...sharing(9), { waiting: 0, committed: 5 }])
  expect(long).toEqual([...Array.from({ length: 7 }, () => 'OK'), 'STALLED', 'STALLED', 'STALLED', 'OK'])
})

test('a group whose offsets have expired has everything before it again', () => {
  const expired = [{ committed: 5000 }, { committed: 5000, members: 0 }, { committed: 0, waiting: 5000, members: 0 }]
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
  expect(judgeStage(history(hot, 4), 19 * STEP).partitionsNotOk).toEqual(['2'])
})

test('a monitor that has just started knows which stage is stopped, and gives no verdict worse than its samples show', () => {
  expect(last([{ waiting: 10, members: 0, age: 500 }])).toBe('STOPPED')
  expect(last([{ waiting: 10, age: 500 }])).toBe('CATCHING UP')
  expect(judgeStage([], 0).verdict).toBe('UNKNOWN')
})

test('without a sample for 15 s nothing is known', () => {
  const old = history([{}])
  expect(judgeStage(old, 15).verdict).toBe('OK')
  expect(judgeStage(old, 15.1).verdict).toBe('UNKNOWN')
})

test.each([3600, -3600])('a jump of the time of day by %i s makes nothing worse or better', (jump) => {
  const jumping = (changes: readonly Change[]) => changes.with(15, { ...changes[15], wallJump: jump })
  const seenAs = (changes: readonly Change[]) => {
    const later = changes.map((change, index) => (index < 15 ? change : { ...change, age: Number(change.age) + jump }))
    return verdictsOf(jumping(later))
  }
  const slow = times(30, (index) => ({ waiting: 100 + index * 10, committed: index * 40, age: 6 + index }))
  expect(seenAs(slow)).toEqual(verdictsOf(slow))
  const busy = times(30, (index) => ({ waiting: 500, committed: index * 2000, age: 1.5 }))
  expect(seenAs(busy).filter(isBad)).toEqual([])
  const draining = times(30, (index) => ({ waiting: 1000, committed: index * 50, age: 90 - index * 2 }))
  expect(seenAs(draining)).toEqual(verdictsOf(draining))
})

test('what waits and cannot be read is as old as it was seen to be', () => {
  const unreadable = verdictsOf([{}, ...times(9, () => ({ waiting: 100, isUnreadable: true as const }))])
  expect(unreadable.at(-1)).toBe('STALLED')
  const begun = history([{ waiting: 100, age: 40 }, ...times(2, () => ({ isUnreadable: true as const }))])
  expect(ageOf(partitionSamples(begun, '0'))).toBe(40 + 2 * STEP)
  const moving = times(4, (index) => ({ waiting: 100, committed: index * 20, isUnreadable: true as const }))
  expect(ageOf(partitionSamples(history(moving), '0'))).toBe(3 * STEP)
  expect(ageOf(partitionSamples(history([{ waiting: 100 }, { waiting: 0, committed: 100 }]), '0'))).toBe(0)
})

test.each([
  [0.6, 10],
  [0.8, 40],
  [0.9, 50],
  [0.95, 50],
])('a stage that can do %d of what comes in bursts changes its verdict at most %i times an hour', (share, most) => {
  const found = verdictsOf(burstyHour(share))
  const changes = found.filter((verdict, index) => index > 0 && verdict !== found[index - 1])
  expect(changes.length).toBeLessThan(most)
  expect(found.filter(isBad).length).toBeGreaterThan(found.length / 2)
})
