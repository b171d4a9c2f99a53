import type { IHeaders } from 'kafkajs'
import { expect, test } from 'vitest'
import { bytes, many, readByKafkajs, TIME, writtenByKafkajs } from '../../test/support/data/kafkajs-batch.fixture.ts'
import { endOfBatch, decodeRecordBatch, type DecodedRecord } from './decode-record-batch.ts'
import { encodeRecordBatch, type RecordToSend } from './encode-record-batch.ts'

const [LOG_APPEND_TIME, TRANSACTIONAL, CONTROL] = [8, 16, 32]

const whole = (batch: Buffer) => decodeRecordBatch(batch, 0, batch.length)

/** The common part of both: kafkajs returns more of the batch, and a Buffer for every header. */
function common({ batchContext: { producerId, inTransaction }, headers, ...record }: DecodedRecord) {
  const asBytes = (value: unknown) => (typeof value === 'string' ? Buffer.from(value) : value)
  const bytesOf = (value: IHeaders[string]) => (Array.isArray(value) ? value.map(asBytes) : asBytes(value))
  const entries = Object.entries(headers).map(([name, value]) => [name, bytesOf(value)])
  return { ...record, producerId, inTransaction, headers: Object.fromEntries(entries) }
}

test.each<[string, readonly RecordToSend[], object]>([
  ['nothing but a value', [{ value: 'x' }], {}],
  [
    'keys, tombstones and empty values',
    [
      { key: 'k', value: null },
      { key: '', value: '' },
    ],
    {},
  ],
  ['hundreds of records', many, { firstOffset: 5_000_000_000 }],
  ['a transaction', many, { transactional: true, producerId: 77 }],
  [
    'headers of texts, bytes and several values',
    [{ value: 'x', headers: { é: 'ü', a: '', b: bytes(200), c: ['1', bytes(3), 'x'.repeat(100)] } }],
    {},
  ],
  ['a header that comes and goes', [{ value: 'x', headers: { a: '1' } }, { value: 'y' }, ...many], {}],
])('%s: decoded as kafkajs decodes it', async (_, records, changes) => {
  const batch = await writtenByKafkajs(records, changes)
  for (const attributes of [0, LOG_APPEND_TIME, CONTROL]) {
    batch.writeInt16BE(batch.readInt16BE(21) | attributes, 21)
    const theirs = await readByKafkajs(batch)
    expect(theirs).toHaveLength(records.length)
    expect(whole(batch).map(common)).toEqual(theirs.map(common))
  }
})

test('what is encoded is decoded again', () => {
  const headers: IHeaders = { text: 'x=1', twice: ['', bytes(200)], long: bytes(65), constructor: bytes(200) }
  const batch = encodeRecordBatch([{ key: bytes(2), value: bytes(1000), headers }, { value: null }], TIME)
  const all = Buffer.concat([bytes(11), batch])
  expect(endOfBatch(all, 11)).toBe(all.length)
  const [first, second] = decodeRecordBatch(all, 11, all.length)
  expect(first).toMatchObject({ offset: '0', timestamp: String(TIME), key: bytes(2), value: bytes(1000) })
  expect(Object.entries(first?.headers ?? {})).toEqual(Object.entries(headers))
  expect(second).toMatchObject({ offset: '1', key: null, value: null, headers: {} })
  expect(second?.headers['constructor']).toBeUndefined()
})

test('a header may have a name and a value of 10 MB', () => {
  const [name, value] = ['n'.repeat(10_000_000), Buffer.alloc(10_000_000, 1)]
  const [record] = whole(encodeRecordBatch([{ value: 'x', headers: { [name]: value } }], TIME))
  expect(Object.keys(record?.headers ?? {}).map((one) => one === name)).toEqual([true])
  expect(value.equals(record?.headers[name] as Buffer)).toBe(true)
})

// With a copy of the list for each of them, 50,000 took 47 s.
test('300,000 headers of one name are read at once', { timeout: 10_000 }, () => {
  const values = Array.from({ length: 300_000 }, () => '')
  const [record] = whole(encodeRecordBatch([{ value: 'x', headers: { a: values } }], TIME))
  expect(record?.headers['a']).toHaveLength(values.length)
})

test('offsets and times are relative to those of the batch; an append time is that of every record', async () => {
  const records = [0, 1, 70_000].map((delta) => ({
    value: 'x',
    offsetDelta: delta,
    timestampDelta: delta * 100_000 - 5,
  }))
  const batch = await writtenByKafkajs(records, { maxTimestamp: TIME + 9 })
  batch.writeBigInt64BE(5_000_000_000n, 0)
  expect(whole(batch).map(({ offset, timestamp }) => [offset, timestamp])).toEqual([
    ['5000000000', String(TIME - 5)],
    ['5000000001', String(TIME + 99_995)],
    ['5000070000', String(TIME + 6_999_999_995)],
  ])
  batch.writeInt16BE(LOG_APPEND_TIME, 21)
  expect(new Set(whole(batch).map(({ timestamp }) => timestamp))).toEqual(new Set([String(TIME + 9)]))
})

test('control records of transactions are marked as such', async () => {
  const batch = await writtenByKafkajs([{ value: 'x' }], { transactional: true, producerId: 77 })
  batch.writeInt16BE(TRANSACTIONAL | CONTROL, 21)
  expect(whole(batch)).toMatchObject([{ isControlRecord: true, batchContext: { producerId: '77', inTransaction: true } }])
})

/** Not retriable: kafkajs would retry for ever. */
const damaged = expect.objectContaining({
  message: expect.stringContaining('batch at offset 0 is damaged'),
  retriable: false,
})

test.each([-2_000_000_000, -12, -1, 0, 48])(
  'a batch with a length of %i bytes, less than its head, is damaged and not read for ever',
  (length) => {
    const batch = encodeRecordBatch(many, TIME)
    batch.writeInt32BE(length, 8)
    expect(() => endOfBatch(batch, 0)).toThrow(damaged)
  },
)

test.each([
  ['one record less than it has', (batch: Buffer) => batch.writeInt32BE(many.length - 1, 57)],
  ['one record more than it has', (batch: Buffer) => batch.writeInt32BE(many.length + 1, 57)],
  ['a header that is longer than it was', (batch: Buffer) => batch.writeUInt8(20, batch.length - 4)],
])('%s: the batch is damaged', (_, damage) => {
  const batch = encodeRecordBatch(many, TIME)
  damage(batch)
  expect(() => whole(batch)).toThrow(damaged)
})

test('an incomplete or compressed batch is left to kafkajs', () => {
  const batch = encodeRecordBatch(many, TIME)
  expect(endOfBatch(batch.subarray(0, batch.length - 1), 0)).toBeUndefined()
  expect(endOfBatch(batch.subarray(0, 60), 0)).toBeUndefined()
  batch.writeInt16BE(1, 21)
  expect(endOfBatch(batch, 0)).toBeUndefined()
})
