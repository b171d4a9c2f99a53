import { expect, test } from 'vitest'
import { history, times } from '../test/support/data/backlog-history.fixture.ts'
import { trendsOf } from './samples.ts'

test('with one sample there is nothing to compare with', () => {
  expect(trendsOf(history([{ waiting: 10 }]))).toEqual({ arrivals: null, served: null, drain: null })
  expect(trendsOf(history([{}]))).toEqual({ arrivals: null, served: null, drain: 0 })
})

test('rates are of the last half minute, over all partitions', () => {
  // Two partitions; on each 10 a second are done, and 4 a second come.
  const whole = history(
    times(20, (index) => ({ committed: index * 50, waiting: 600 - index * 30 })),
    2,
  )
  expect(trendsOf(whole)).toEqual({ arrivals: 8, served: 20, drain: 60 / 12 })
})

test('what grows is never drained', () => {
  const whole = history(times(7, (index) => ({ committed: index * 50, waiting: index * 20 })))
  expect(trendsOf(whole).drain).toBeNull()
})

test('offsets that were set back served nothing, and a topic that is created again arrives anew', () => {
  expect(trendsOf(history([{ committed: 500 }, { committed: 0, waiting: 500 }])).served).toBe(0)
  expect(trendsOf(history([{ committed: 500 }, { committed: 0, waiting: 5 }])).arrivals).toBeNull()
})

test('what is removed unread was not served', () => {
  const removed = times(7, (index) => ({
    committed: index * 50,
    waiting: 600 - index * 50,
    isUncommitted: true as const,
  }))
  expect(trendsOf(history(removed))).toEqual({ arrivals: 0, served: 0, drain: null })
})
