import { createRequire } from 'node:module'
import type { DecodedRecord } from '../../../kafka/patches/decode-record-batch.ts'
import type { RecordToSend } from '../../../kafka/patches/encode-record-batch.ts'

const require = createRequire(import.meta.url)

// kafkajs's own encoder and decoder, as the reference.
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>
}
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: object,
) => Promise<{ readonly records: readonly DecodedRecord[] }>
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object

export const TIME = 1_700_000_000_123

/** A record with its offset and timestamp (milliseconds) relative to the first one. */
type Delta = RecordToSend & { readonly offsetDelta?: number; readonly timestampDelta?: number }

/** Encodes a batch. @param changes to fields of the batch header, by kafkajs's names */
export async function writtenByKafkajs(records: readonly Delta[], changes: object = {}): Promise<Buffer> {
  const encoded = records.map((record, offsetDelta) => encodeRecord(Object.assign({ offsetDelta }, record)))
  const head = { lastOffsetDelta: records.length - 1, firstTimestamp: TIME, maxTimestamp: TIME }
  const { buffer } = await encodeBatch({ ...head, records: encoded, ...changes })
  return buffer
}

export async function readByKafkajs(batch: Buffer): Promise<readonly DecodedRecord[]> {
  const { records } = await decodeBatch(new Decoder(batch))
  return records
}

/** Bytes that are not valid UTF-8. */
export function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256))
}

export const many: readonly RecordToSend[] = Array.from({ length: 300 }, (_, index) => ({
  key: null,
  value: bytes(index),
  headers: { n: String(index) },
}))
