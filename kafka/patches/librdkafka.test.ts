import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { TIME } from '../../test/support/data/kafkajs-batch.fixture.ts'
import { crc32c } from './crc32c.ts'
import { decodeRecordBatch, endOfBatch } from './decode-record-batch.ts'
import { encodeRecordBatch } from './encode-record-batch.ts'

/** As test/support/data/librdkafka-batches.py writes it; bytes in base64. */
interface Written {
  readonly name: string
  readonly records: readonly {
    readonly key: string | null
    readonly value: string | null
    readonly headers: readonly (readonly [name: string, value: string | null])[]
    /** Milliseconds after TIME. */
    readonly after: number
  }[]
  readonly bytes: string
}

const file = new URL('../../test/support/data/librdkafka-batches.jsonl', import.meta.url)
const batches = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Written)

const buffer = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'))

function headersOf({ headers }: Written['records'][number]): Record<string, unknown> {
  const byName = Map.groupBy(headers, ([name]) => name)
  const values = [...byName].map(([name, some]) => [name, some.map(([, value]) => buffer(value))] as const)
  return Object.fromEntries(values.map(([name, some]) => [name, some.length === 1 ? some[0] : some]))
}

const asBytes = (value: unknown) => (typeof value === 'string' ? Buffer.from(value) : value)

test.each(batches)('$name: decoded as librdkafka was given it', ({ records, bytes }) => {
  const batch = Buffer.from(bytes, 'base64')
  expect(endOfBatch(batch, 0)).toBe(batch.length)
  const decoded = decodeRecordBatch(batch, 0, batch.length).map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key,
    value,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, one]) => [name, Array.isArray(one) ? one.map(asBytes) : asBytes(one)]),
    ),
  }))
  const expected = records.map((record, index) => ({
    offset: String(index),
    timestamp: String(TIME + record.after),
    key: buffer(record.key),
    value: buffer(record.value),
    headers: headersOf(record),
  }))
  expect(decoded).toEqual(expected)
})

/** The producer's epoch and first sequence, which the broker ignores without a producer id: librdkafka writes -1, kafkajs 0. */
const [EPOCH_AT, COUNT_AT] = [51, 57]

const sameTime = batches.filter(({ name, records }) => name !== 'idempotent' && records.every(({ after }) => after === 0))

test.each(sameTime)('$name: encoded byte for byte as librdkafka encodes it', ({ records, bytes }) => {
  const theirs = Buffer.from(bytes, 'base64')
  const given = records.map((record) => ({
    key: buffer(record.key),
    value: buffer(record.value),
    headers: headersOf(record) as never,
  }))
  const ours = encodeRecordBatch(given, TIME)
  theirs.fill(0, EPOCH_AT, COUNT_AT)
  theirs.writeUInt32BE(crc32c(theirs, 21), 17)
  expect(ours.equals(theirs)).toBe(true)
})

test.each(batches)('$name: the checksum is the one that librdkafka computes', ({ bytes }) => {
  const batch = Buffer.from(bytes, 'base64')
  expect(crc32c(batch, 21)).toBe(batch.readUInt32BE(17))
})

test('the batches of librdkafka are there', () => {
  expect(batches.map(({ name }) => name)).toEqual([
    'value only',
    'keys and nulls',
    'headers',
    'eighty records',
    'times',
    'idempotent',
  ])
  expect(sameTime).toHaveLength(4)
})
