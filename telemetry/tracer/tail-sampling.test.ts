import { expect, test } from 'vitest'
import { message } from '../../test/support/data/outcomes.fixture.ts'
import { isKept } from './tail-sampling.ts'

const rules = { deadLetterTopic: 'dead-letter', slowerThan: 5 }
const parent = { traceId: 'f'.repeat(32), spanId: 'b'.repeat(16), sampled: true }
const unsampled = { parent: { ...parent, sampled: false } }

/** A message that took so many milliseconds. */
const took = (ms: number) => ({ enteredAt: 1_700_000_000_000, queuedAt: 1_700_000_000_000 + ms })

test('a trace is kept that was sampled where its message entered', () => {
  expect(isKept(message(1, { parent, ...took(10) }), rules)).toBe(true)
  expect(isKept(message(1, { ...unsampled, ...took(10) }), rules)).toBe(false)
  expect(isKept(message(1, took(10)), rules)).toBe(false)
})

test('a trace is kept of each dead letter, and of a message that took too long', () => {
  expect(isKept(message(1, { topic: 'dead-letter', ...unsampled, ...took(10) }), rules)).toBe(true)
  expect(isKept(message(1, { ...unsampled, ...took(5000) }), rules)).toBe(false)
  expect(isKept(message(1, { ...unsampled, ...took(5001) }), rules)).toBe(true)
  expect(isKept(message(1, { ...unsampled, ...took(60_000) }), { ...rules, slowerThan: 0 })).toBe(false)
})
