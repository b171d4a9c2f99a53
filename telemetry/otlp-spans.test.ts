import { SpanKind } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'
import { encodeSpans, isPlain } from './otlp-spans.ts'

const context = { traceId: '0193a1b2c3d47e5f8a9b0c1d2e3f4a5b', spanId: '00f067aa0ba902b7', traceFlags: 1 }
const resource = resourceFromAttributes({ 'service.name': 'add', 'process.pid': 7 })

function span(changes: Partial<ReadableSpan> = {}): ReadableSpan {
  return {
    name: 'process start',
    kind: SpanKind.CONSUMER,
    spanContext: () => context,
    startTime: [1_700_000_000, 123_456_789],
    endTime: [1_700_000_001, 0],
    duration: [0, 876_543_211],
    status: { code: 0 },
    attributes: {},
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'throughline' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ...changes,
  }
}

type Fields = [field: number, value: string | Fields][]

/** Fields that are messages, by the names of the messages around them: everything else is a value. */
const messages: Record<string, Record<number, string>> = {
  request: { 1: 'resourceSpans' },
  resourceSpans: { 1: 'resource', 2: 'scopeSpans' },
  resource: { 1: 'attribute' },
  scopeSpans: { 1: 'scope', 2: 'span' },
  span: { 9: 'attribute', 15: 'status' },
  attribute: { 2: 'value' },
}

/** In bytes, by wire type. */
const fixedSizes: Record<number, number> = { 0: 0, 1: 8, 5: 4 }

/** A message taken apart. Zeros are left out: one encoder writes them and one does not, and to a reader it is the same. */
function fieldsOf(bytes: Buffer, message = 'request'): Fields {
  const fields: Fields = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const [field, type] = [tag >>> 3, tag & 7]
    const length = type === 2 ? Number(varint()) : (fixedSizes[type] ?? Number.NaN)
    const value = bytes.subarray(at, at + length)
    at += length
    const inner = messages[message]?.[field]
    if (type === 0) {
      const whole = varint()
      if (whole !== 0n || message === 'value') fields.push([field, String(whole)])
    } else if (inner !== undefined) fields.push([field, fieldsOf(value, inner)])
    else fields.push([field, value.toString('hex')])
  }
  return fields
}

const theirs = (spans: ReadableSpan[]) =>
  fieldsOf(Buffer.from(ProtobufTraceSerializer.serializeRequest(spans) ?? []))
const ours = (spans: ReadableSpan[]) => fieldsOf(Buffer.from(encodeSpans(spans)))

test('what is exported is what the SDK would export', () => {
  const parent = { ...context, spanId: 'ffffffffffffffff', isRemote: true }
  const other = resourceFromAttributes({ 'service.name': 'é'.repeat(100) })
  const spans = [
    span(),
    span({ parentSpanContext: parent, status: { code: 2, message: 'no answer: '.repeat(40) } }),
    span({ attributes: { text: 'x', long: 'ü'.repeat(300), yes: true, no: false, empty: '' } }),
    span({
      attributes: { zero: 0, one: 1, most: Number.MAX_SAFE_INTEGER, half: 0.5, below: -0.25, huge: 1e300 },
    }),
    span({ resource: other, instrumentationScope: { name: 'another', version: '1.2.3' } }),
    span({ startTime: [4_294_967_295, 999_999_999], endTime: [0, 1] }),
    span({ droppedAttributesCount: 300 }),
  ]
  expect(ours(spans)).toEqual(theirs(spans))
})

test('hundreds of spans with attributes that stay, change, and come back', () => {
  const spans = Array.from({ length: 1000 }, (_, index) =>
    span({ attributes: { stays: 'x', changes: index, comes: index % 3 === 0 ? 'back' : 'again' } }),
  )
  expect(ours(spans)).toEqual(theirs(spans))
  expect(ours(spans.slice(0, 2))).toEqual(theirs(spans.slice(0, 2)))
})

test('what needs more than our own spans have is left to the SDK', () => {
  expect(isPlain(span())).toBe(true)
  expect(isPlain(span({ attributes: { list: ['a'] } }))).toBe(false)
  expect(isPlain(span({ attributes: { below: -1 } }))).toBe(false)
  expect(isPlain(span({ resource: resourceFromAttributes({ list: ['a'] }) }))).toBe(false)
  expect(isPlain(span({ events: [{ time: [0, 0], name: 'x' }] }))).toBe(false)
  expect(isPlain(span({ links: [{ context }] }))).toBe(false)
})
