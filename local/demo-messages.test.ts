import { expect, test } from 'vitest'
import { outcomeOf, renderOutcome } from './demo-messages.ts'

const before = { entered: 100, finished: 90, dead: 10 }
const after = { entered: 1300, finished: 1280, dead: 20 }
const times = { p50Ms: 41.31, p95Ms: 1234, seconds: 2.5 }

test('all messages are accounted for', () => {
  const outcome = outcomeOf(before, after, 1200)
  expect(outcome).toEqual({ sent: 1200, finished: 1190, dead: 10, missing: 0 })
  expect(renderOutcome(outcome, times)).toBe(
    [
      '1,190 of 1,200 messages finished, 10 dead, 0 missing',
      'end to end p50 41.3 ms, p95 1.23 s (all at once into processes just started)',
      '2.50 s from the first in to the last out, 476 messages a second',
    ].join('\n'),
  )
})

test('a message that never entered is missing, like one that was lost on the way', () => {
  expect(outcomeOf(before, { ...after, entered: 1295, finished: 1270 }, 1200).missing).toBe(10)
})

test('messages from elsewhere that entered meanwhile count, too', () => {
  expect(outcomeOf(before, { ...after, entered: 1301 }, 1200).missing).toBe(1)
  const all = outcomeOf(before, { ...after, entered: 1301, finished: 1281 }, 1200)
  expect(renderOutcome(all, times)).toContain('1,191 of 1,201')
})

test('without a finished message there are no times', () => {
  const outcome = outcomeOf(before, { ...after, finished: 90, dead: 1210 }, 1200)
  const text = renderOutcome(outcome, undefined)
  expect(text).toBe('0 of 1,200 messages finished, 1,200 dead, 0 missing')
})
