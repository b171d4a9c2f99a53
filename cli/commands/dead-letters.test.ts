import { expect, test } from 'vitest'
import type { DeadLetterRow } from '../../sql/read-dead-letters.ts'
import { deadLetterJson, renderDeadLetter, renderSummaries } from './dead-letters.ts'
import { toJson } from '../render/text.ts'

const letter: DeadLetterRow = {
  id: '019ab2c4d5e67f8091a2b3c4d5e6f708',
  attempt: 1,
  stage: 'square-root',
  reason: 'negative-root',
  explanation: 'sum is -7, and a negative number has no real square root. More of this would not fit in one line.',
  diedAt: 1_763_951_411_123.456,
  state: 'open',
  note: null,
  topic: 'stage6',
  partition: 3,
  offset: '9007199254740993',
  traceId: '019ab2c4d5e67f8091a2b3c4d5e6f708',
  headers: JSON.stringify({ 'message-id': 'x', odd: String.fromCodePoint(0, 200), twice: ['a', 'b'] }),
  body: Buffer.from('{"numbers":[-7]}\u001B[2J\n'),
}

test('the list has the whole id, and the reason cut to the width', () => {
  expect(renderSummaries([letter, letter], 80).split('\n').slice(0, 3)).toEqual([
    '019ab2c4d5e67f8091a2b3c4d5e6f708  2025-11-24 02:30:11Z  square-root',
    '    negative-root: sum is -7, and a negative number has no real square root. Mo…',
    '019ab2c4d5e67f8091a2b3c4d5e6f708  2025-11-24 02:30:11Z  square-root',
  ])
})

test('a state other than open is in the list, and beside it the note of one that was given up', () => {
  const givenUp = { ...letter, state: 'given up', note: 'a \u001B[31mtest' } as const
  expect(renderSummaries([givenUp], 80).split('\n')[0]).toBe(
    '019ab2c4d5e67f8091a2b3c4d5e6f708  2025-11-24 02:30:11Z  square-root  given up',
  )
  expect(renderDeadLetter(givenUp)).toContain('\nstate    given up: a test\n')
})

test('one whole: why, from where, its headers and its body', () => {
  expect(renderDeadLetter(letter)).toBe(`message  019ab2c4d5e67f8091a2b3c4d5e6f708
attempt  1
state    open
trace    019ab2c4d5e67f8091a2b3c4d5e6f708
died     2025-11-24 02:30:11Z at square-root
reason   negative-root
why      ${letter.explanation}
from     topic stage6, partition 3, offset 9007199254740993
header   message-id: x
header   odd: 0x00c8
header   twice: a
header   twice: b

{"numbers":[-7]}
`)
})

test.each([
  [null, 'The record had no body.'],
  [Buffer.alloc(0), 'The body was empty.'],
  [Buffer.from([0x7b, 0xff]), 'The body is not UTF-8; in hex:\n7bff'],
])('a body that is no text: %s', (body, text) => {
  expect(renderDeadLetter({ ...letter, body })).toMatch(new RegExp(`\n\n${text}$`))
})

test('JSON keeps bytes and offsets exactly', () => {
  const json = toJson(deadLetterJson({ ...letter, body: Buffer.from([0x7b, 0xff]) }))
  expect(json).toContain('"offset":9007199254740993')
  expect(json).toContain('"body":{"encoding":"hex","text":"7bff"}')
  expect(json).toContain('"odd":[{"encoding":"hex","text":"00c8"}]')
  expect(json).toContain('"diedAt":"2025-11-24T02:30:11.123456Z"')
})
