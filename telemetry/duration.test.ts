import { expect, test } from 'vitest'
import { duration } from './time.ts'

test.each([
  [null, '-'],
  [0, '0 ms'],
  [0.0004, '0 ms'],
  [0.001, '0.001 ms'],
  [0.0423, '0.042 ms'],
  [3.214, '3.21 ms'],
  [41.27, '41.3 ms'],
  [413.2, '413 ms'],
  [999.4, '999 ms'],
  [999.6, '1.00 s'],
  [1240, '1.24 s'],
  [59_949, '59.9 s'],
  [59_951, '1 min 00 s'],
  [192_000, '3 min 12 s'],
  [3_599_700, '1 h 00 min'],
  [7_500_000, '2 h 05 min'],
  [3_600_000_000, '1,000 h 00 min'],
])('%s ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})
