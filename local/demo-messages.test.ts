import { expect, test } from 'vitest'
import { missingOf, renderOutcome } from './demo-messages.ts'

const outcome = {
  entered: 1200,
  finished: 1190,
  dead: 10,
  p50Ms: 41.31,
  p95Ms: 1234,
  seconds: 2.5,
  typicalId: null,
}

test('all messages are accounted for', () => {
  expect(missingOf(outcome, 1200)).toBe(0)
  expect(renderOutcome(outcome, 1200)).toBe(
    [
      '1,190 of 1,200 messages finished, 10 dead, 0 missing',
      'end to end p50 41.3 ms, p95 1.23 s (all at once into processes just started)',
      '2.50 s from the first in to the last out, 476 messages a second',
    ].join('\n'),
  )
})

test('a message that never entered is missing, like one that was lost on the way', () => {
  expect(missingOf({ ...outcome, entered: 1195, finished: 1180 }, 1200)).toBe(10)
})

test('messages from elsewhere that entered meanwhile count, too', () => {
  expect(missingOf({ ...outcome, entered: 1201 }, 1200)).toBe(1)
  expect(renderOutcome({ ...outcome, entered: 1201, finished: 1191 }, 1200)).toContain('1,191 of 1,201')
})

test('without a finished message there are no times', () => {
  const dead = { ...outcome, finished: 0, dead: 1200, p50Ms: null, p95Ms: null, seconds: null }
  expect(renderOutcome(dead, 1200)).toBe('0 of 1,200 messages finished, 1,200 dead, 0 missing')
})
