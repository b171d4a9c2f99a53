import { expect, test } from 'vitest'
import { UserError } from '../../telemetry/user-error.ts'
import { splitInput } from './submit.ts'

const split = (text: string) => splitInput(text, 'numbers.jsonl', 100)

test('a body a line, as they are written; empty lines and line ends of Windows do not matter', () => {
  expect(split('{"numbers":[1.50]}\r\n\n  { "numbers" : [2e3] }  \n')).toEqual([
    '{"numbers":[1.50]}',
    '{ "numbers" : [2e3] }',
  ])
})

test('one document over several lines', () => {
  const document = '{\n  "numbers": [\n    1\n  ],\n  "inner":\n  {}\n}'
  expect(split(`${document}\n`)).toEqual([document])
})

test('a byte order mark does not matter', () => {
  expect(split('\uFEFF{"numbers":[1]}\n{"numbers":[2]}')).toHaveLength(2)
})

test.each([
  ['', /^Nothing to submit: numbers\.jsonl is empty\.$/],
  ['\n \n', /is empty/],
  ['hello', /because of numbers\.jsonl: The body is not JSON/],
  ['[1,2]', /because of numbers\.jsonl: The body is \[1,2\]/],
  ['[\n{"numbers":[1]},\n{"numbers":[2]}\n]', /because of numbers\.jsonl: .*Send a JSON object/],
  ['{"numbers":[1]}\n\n{"numbers":[2}\n', /because of line 3 of numbers\.jsonl: .*not JSON/],
  ['{"numbers":[1}\n{"numbers":[2]}\n', /because of line 1 of numbers\.jsonl/],
  ['{"numbers":[1]}\n7\n', /because of line 2 of numbers\.jsonl: The body is 7/],
  ['{\n"numbers": [1\n', /because of numbers\.jsonl: .*not JSON/],
  [`{"note":"${'x'.repeat(90)}"}`, /because of numbers\.jsonl: It has 101 bytes; a message may have 100\.$/],
  [`{}\n{"note":"${'é'.repeat(46)}"}`, /line 2 .* has 103 bytes/],
])('%j is refused as a whole, with the place', (text, sentence) => {
  expect(() => split(text)).toThrow(UserError)
  expect(() => split(text)).toThrow(sentence)
})

test('a complaint is one line, whatever the text', () => {
  expect(() => split('[\n1,\n2]')).toThrow(/^[^\n]*$/)
})
