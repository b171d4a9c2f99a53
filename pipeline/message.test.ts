import type { KafkaMessage } from '../kafka/client.ts'
import { expect, test } from 'vitest'
import { newMessageId, parseMessageId, readMessage } from './message.ts'

const id = '0193a1b2c3d47e5f8a9b0c1d2e3f4a5b'
const record = (headers: Record<string, string | Buffer> = {}, offset = '7'): KafkaMessage => ({
  key: null,
  value: Buffer.from('{}'),
  timestamp: '1700000000000',
  offset,
  attributes: 0,
  headers,
})

test('reads the headers that the stage before has written', () => {
  const headers = {
    'message-id': Buffer.from(id),
    attempt: '2',
    'sent-at': '1699999999990.125',
    'entered-at': '1699999999000',
    traceparent: `00-${id}-00f067aa0ba902b7-01`,
  }
  expect(readMessage('stage2', 3, record(headers))).toMatchObject({
    id,
    attempt: 2,
    parent: { traceId: id, spanId: '00f067aa0ba902b7', sampled: true },
    sentAt: 1_699_999_999_990.125,
    enteredAt: 1_699_999_999_000,
    queuedAt: 1_700_000_000_000,
    badHeaders: 0,
  })
})

test('a message posted by hand gets an id from its topic, partition and offset, the same every time, and enters there', () => {
  const message = readMessage('start', 0, record())
  expect(message.id).toMatch(/^[\da-f]{12}7[\da-f]{3}[89ab][\da-f]{15}$/)
  expect(readMessage('start', 0, record()).id).toBe(message.id)
  expect(message).toMatchObject({
    attempt: 1,
    sentAt: undefined,
    enteredAt: 1_700_000_000_000,
    badHeaders: 0,
  })
})

test.each(['-1', 'NaN', '9223372036854775807', String(Date.now() + 2 * 86_400_000)])(
  'a record whose time is %s was queued when it is read, and its id is the same every time',
  (timestamp) => {
    const before = Date.now()
    const message = readMessage('start', 0, { ...record(), timestamp })
    expect(message.queuedAt).toBeGreaterThanOrEqual(before - 2)
    expect(message.queuedAt).toBeLessThanOrEqual(Date.now() + 2)
    expect(message.enteredAt).toBe(message.queuedAt)
    expect(message.skewMs).toBe(0)
    expect(message.id).toMatch(/^[\da-f]{32}$/)
    expect(readMessage('start', 0, { ...record(), timestamp }).id).toBe(message.id)
  },
)

test.each([
  ['another offset', readMessage('start', 0, record({}, '8'))],
  ['another partition', readMessage('start', 1, record())],
  ['another topic', readMessage('stage2', 0, record())],
])('%s gives another id', (_, other) => {
  expect(other.id).not.toBe(readMessage('start', 0, record()).id)
})

test.each([
  ['message-id', 'not a uuid'],
  ['message-id', '00000000000000000000000000000000'],
  ['attempt', 'x'],
  ['attempt', '0'],
  ['attempt', '32768'],
  ['sent-at', 'yesterday'],
  ['sent-at', '99999999999999'],
  ['traceparent', 'garbage'],
  ['traceparent', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
])('a malformed header %s: %s is derived instead, and counted', (name, value) => {
  const derived = readMessage('start', 0, record())
  const message = readMessage('start', 0, record({ [name]: value }))
  expect(message.badHeaders).toBe(1)
  expect({ ...message, headers: {}, badHeaders: 0 }).toEqual({ ...derived, headers: {} })
})

test('a record is never queued before it was sent, whatever the clocks say', () => {
  expect(readMessage('stage2', 0, record({ 'sent-at': '1700000000000.75' })).queuedAt).toBe(1_700_000_000_000.75)
})

test('a message that a stage sent whose clock is an hour ahead did not enter where it is read', () => {
  const message = readMessage('stage2', 0, record({ 'sent-at': '1700003600000.125' }))
  expect(message).toMatchObject({ sentAt: 1_700_003_600_000.125, queuedAt: 1_700_003_600_000.125, badHeaders: 0 })
})

test.each([
  [id, id],
  [id.toUpperCase(), id],
  ['0193a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', id],
  ['0193a1b2-c3d47e5f8a9b0c1d2e3f4a5b', undefined],
  ['', undefined],
])('message id %s is read as %s', (text, expected) => {
  expect(parseMessageId(text)).toBe(expected)
})

test('new ids sort by time', () => {
  const ids = Array.from({ length: 100 }, newMessageId)
  expect(ids.toSorted()).toEqual(ids)
  expect(new Set(ids).size).toBe(100)
})
