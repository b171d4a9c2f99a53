import { createRequire } from 'node:module'
import type { IHeaders } from 'kafkajs'
import { expect, test } from 'vitest'
import { crc32c } from './crc32c.ts'
import { endOfBatch, readRecordBatch } from './read-record-batch.ts'
import { recordBatch, type RecordToSend } from './record-batch.ts'

const require = createRequire(import.meta.url)

interface Encoder {
  readonly buffer: Buffer
}
type EncodeRecord = (record: object) => Encoder
type EncodeBatch = (batch: object) => Promise<Encoder>

// What kafkajs itself makes of the same records, which brokers have taken for years.
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as EncodeRecord
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: EncodeBatch
}

const TIME = 1_700_000_000_123

async function byKafkajs(records: readonly RecordToSend[], changes: object = {}): Promise<Buffer> {
  const encoded = records.map((record, offsetDelta) => encodeRecord({ ...record, offsetDelta }))
  const times = { firstTimestamp: TIME, maxTimestamp: TIME }
  const { buffer } = await encodeBatch({
    records: encoded,
    lastOffsetDelta: records.length - 1,
    ...times,
    ...changes,
  })
  return buffer
}

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256))
const many = Array.from({ length: 300 }, (_, index) => ({
  key: null,
  value: bytes(index),
  headers: { n: String(index) },
}))

test.each<[string, RecordToSend[]]>([
  ['nothing but a value', [{ value: 'x' }]],
  ['a tombstone with a key', [{ key: 'k', value: null }]],
  ['an empty value', [{ key: Buffer.alloc(0), value: Buffer.alloc(0), headers: {} }]],
  [
    'headers of texts, bytes and several values',
    [{ value: 'x', headers: { a: '1', b: bytes(200), c: ['1', bytes(3)] } }],
  ],
  [
    'texts that are not ASCII, short and long',
    [{ key: 'ключ', value: '🙂'.repeat(50), headers: { é: 'ü', long: 'x'.repeat(100) } }],
  ],
  ['a hundred kilobytes', [{ value: bytes(100_000) }]],
  ['hundreds of records', many],
])('%s is written byte for byte as kafkajs writes it', async (_, records) => {
  expect(recordBatch(records, TIME).equals(await byKafkajs(records))).toBe(true)
})

test('what is read is what was written', () => {
  const headers: IHeaders = { text: 'x=1', twice: ['', bytes(200)], long: bytes(65), constructor: bytes(200) }
  const batch = recordBatch([{ key: bytes(2), value: bytes(1000), headers }, { value: null }], TIME)
  const before = bytes(11)
  const all = Buffer.concat([before, batch])
  expect(endOfBatch(all, 11)).toBe(all.length)
  const [first, second] = readRecordBatch(all, 11)
  expect(first).toMatchObject({ offset: '0', timestamp: String(TIME), key: bytes(2), value: bytes(1000) })
  expect(Object.entries(first?.headers ?? {})).toEqual(Object.entries(headers))
  expect(second).toMatchObject({ offset: '1', key: null, value: null, headers: {} })
  expect(second?.headers['constructor']).toBeUndefined()
})

test('offsets and times count from those of the batch; a broker’s append time is that of all', async () => {
  const encoded = [0, 1, 70_000].map((delta) =>
    encodeRecord({ value: 'x', offsetDelta: delta, timestampDelta: delta * 100_000 - 5 }),
  )
  const { buffer } = await encodeBatch({ records: encoded, firstTimestamp: TIME, maxTimestamp: TIME + 9 })
  buffer.writeBigInt64BE(5_000_000_000n, 0)
  expect(readRecordBatch(buffer, 0).map(({ offset, timestamp }) => [offset, timestamp])).toEqual([
    ['5000000000', String(TIME - 5)],
    ['5000000001', String(TIME + 99_995)],
    ['5000070000', String(TIME + 6_999_999_995)],
  ])
  buffer.writeInt16BE(8, 21)
  expect(new Set(readRecordBatch(buffer, 0).map(({ timestamp }) => timestamp))).toEqual(
    new Set([String(TIME + 9)]),
  )
})

test('markers of transactions are known as such', async () => {
  const batch = await byKafkajs([{ value: 'x' }], { transactional: true, producerId: 77 })
  batch.writeInt16BE(16 | 32, 21)
  const [marker] = readRecordBatch(batch, 0)
  expect(marker).toMatchObject({
    isControlRecord: true,
    batchContext: { producerId: '77', inTransaction: true },
  })
})

test('a batch that is cut off, or compressed, is not for us', () => {
  const batch = recordBatch(many, TIME)
  expect(endOfBatch(batch.subarray(0, batch.length - 1), 0)).toBeUndefined()
  expect(endOfBatch(batch.subarray(0, 60), 0)).toBeUndefined()
  batch.writeInt16BE(1, 21)
  expect(endOfBatch(batch, 0)).toBeUndefined()
})

test('the checksum is that of the standard', () => {
  // RFC 3720, appendix B.4, and the usual check value.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
})
