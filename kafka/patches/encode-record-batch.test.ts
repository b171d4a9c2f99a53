import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { bytes, many, TIME, writtenByKafkajs } from '../../test/support/data/kafkajs-batch.fixture.ts'
import { crc32c } from './crc32c.ts'
import { encodeRecordBatch, type RecordToSend } from './encode-record-batch.ts'
import { encodeRequest } from './speed.ts'

test.each<[string, readonly RecordToSend[]]>([
  ['nothing but a value', [{ value: 'x' }]],
  ['a tombstone with a key', [{ key: 'k', value: null }]],
  ['an empty value', [{ key: Buffer.alloc(0), value: Buffer.alloc(0), headers: {} }]],
  ['headers of texts, bytes and several values', [{ value: 'x', headers: { a: '1', b: bytes(200), c: ['1', bytes(3)] } }]],
  [
    'texts that are not ASCII, short and long',
    [{ key: 'ключ', value: '🙂'.repeat(50), headers: { é: 'ü', long: 'x'.repeat(100) } }],
  ],
  ['a hundred kilobytes', [{ value: bytes(100_000) }]],
  ['hundreds of records', many],
])('%s: encoded byte for byte as kafkajs encodes it', async (_, records) => {
  expect(encodeRecordBatch(records, TIME).equals(await writtenByKafkajs(records))).toBe(true)
})

test('the checksum is that of the standard', () => {
  // RFC 3720, appendix B.4, and the usual check value.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
})

test('a request is encoded byte for byte as kafkajs encodes it', async () => {
  const require = createRequire(import.meta.url)
  const Encoder = require('kafkajs/src/protocol/encoder') as new () => { writeString(text: string): { buffer: Buffer } }
  const original = require('kafkajs/src/protocol/request') as typeof encodeRequest
  const encode = () => Promise.resolve(new Encoder().writeString('body'))
  const request = { correlationId: 70_000, clientId: 'ключ', request: { apiKey: 1, apiVersion: 11, encode } }
  const { buffer } = await encodeRequest(request)
  expect(buffer.toString('hex')).toBe((await original(request)).buffer.toString('hex'))
})
