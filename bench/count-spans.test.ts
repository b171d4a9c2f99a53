import { expect, test } from 'vitest'
import { countSpans } from './count-spans.ts'

/** A field with a length: https://protobuf.dev/programming-guides/encoding/#length-types */
function field(number: number, ...content: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(content)
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7]
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes])
}

const attribute = field(9, field(1, Buffer.from('a name')), field(2, field(1, Buffer.alloc(200, 'x'))))
/** trace_id, a name, start as fixed64, an attribute, kind as a varint of two bytes, flags as fixed32. */
const span = field(
  2,
  field(1, Buffer.alloc(16)),
  field(5, Buffer.from('process start')),
  Buffer.from([7 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8]),
  attribute,
  Buffer.from([6 * 8, 0x85, 0x01]),
  Buffer.from([0x85, 0x01, 1, 1, 0, 0]),
)
const scope = field(1, field(1, Buffer.from('throughline')))
const resource = field(1, attribute, attribute)

test('spans of all scopes of all resources are counted, and nothing else', () => {
  const request = Buffer.concat([
    field(1, resource, field(2, scope, span, span), field(2, scope, span)),
    field(1, resource, field(2, scope), field(2, scope, span)),
  ])
  expect(countSpans(request)).toBe(4)
  expect(countSpans(Buffer.alloc(0))).toBe(0)
})

test('what is no protobuf, or only its beginning, is an error', () => {
  expect(() => countSpans(field(1, resource).subarray(0, -1))).toThrow('in the middle of a field')
  expect(() => countSpans(Buffer.from([0x0b]))).toThrow('no wire type 3')
})
