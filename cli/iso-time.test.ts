import { expect, test } from 'vitest'
import { isoTime, secondTime } from './iso-time.ts'

test('a time keeps its microseconds', () => {
  expect(isoTime(1_763_951_411_123.456)).toBe('2025-11-24T02:30:11.123456Z')
  expect(isoTime(1_763_951_411_000)).toBe('2025-11-24T02:30:11.000000Z')
  expect(isoTime(1_763_951_411_999.9998)).toBe('2025-11-24T02:30:12.000000Z')
})

test('a person gets no more than the second', () => {
  expect(secondTime(1_763_951_411_999)).toBe('2025-11-24 02:30:11Z')
})
