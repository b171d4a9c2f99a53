import { expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { spanId } from './span-ids.ts'

const id = '0193a1b2c3d47e5f8a9b0c1d2e3f4a5b'

test('the same span has the same id, in every process', () => {
  expect(spanId(id, 1, 'add', 'process')).toBe('548eed755a8149f8')
})

test('spans that differ in message, attempt, stage or kind differ in id', () => {
  const ids = [1, 2].flatMap((attempt) =>
    ['add', 'lcm'].flatMap((stage) =>
      [id, newMessageId()].flatMap((message) => [
        spanId(message, attempt, stage, 'process'),
        spanId(message, attempt, stage, 'send'),
      ]),
    ),
  )
  expect(new Set(ids).size).toBe(16)
  for (const one of ids) expect(one).toMatch(/^[\da-f]{16}$/)
})

test('ids of any kind of UUID are enough', () => {
  // One machine, one clock sequence: these two differ in their time alone.
  const byTime = ['6fa459ea14ea11f08c5b0242ac120002', '6fa459eb14ea11f08c5b0242ac120002']
  // Made in one millisecond, the time in front.
  const byRandom = ['0193a1b2c3d47e5f8a9b0c1d2e3f4a5b', '0193a1b2c3d47e5f8a9b0c1d2e3f4a5c']
  for (const messages of [byTime, byRandom]) {
    expect(new Set(messages.map((message) => spanId(message, 1, 'add', 'process'))).size).toBe(2)
  }
})
