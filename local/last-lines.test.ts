import { expect, test } from 'vitest'
import { lastLines } from './last-lines.ts'

test('only the newest lines are kept, in order', () => {
  const lines = lastLines(3)
  for (const line of ['one', 'two', 'three', 'four']) lines.add(line)
  expect(String(lines)).toBe('two\nthree\nfour')
})
