import { createRequire } from 'node:module'
import type { TakenRecord } from '../../kafka/patches/read-record-batch.ts'
import type { RecordToSend } from '../../kafka/patches/record-batch.ts'

const require = createRequire(import.meta.url)

// What kafkajs itself writes and reads, which brokers have taken for years: for tests alone.
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => object
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>
}
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: object,
) => Promise<{ readonly records: readonly TakenRecord[] }>
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object

export const TIME = 1_700_000_000_123

/** A record to be written: how far it is from the first, and how much later, in milliseconds. */
type Delta = RecordToSend & { readonly offsetDelta?: number; readonly timestampDelta?: number }

/** @param changes to the head of the batch, by kafkajs's names */
export async function writtenByKafkajs(records: readonly Delta[], changes: object = {}): Promise<Buffer> {
  const encoded = records.map((record, offsetDelta) => encodeRecord(Object.assign({ offsetDelta }, record)))
  const head = { lastOffsetDelta: records.length - 1, firstTimestamp: TIME, maxTimestamp: TIME }
  const { buffer } = await encodeBatch({ ...head, records: encoded, ...changes })
  return buffer
}

export async function readByKafkajs(batch: Buffer): Promise<readonly TakenRecord[]> {
  const { records } = await decodeBatch(new Decoder(batch))
  return records
}

/** Bytes that are no text. */
export function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256))
}

export const many: readonly RecordToSend[] = Array.from({ length: 300 }, (_, index) => ({
  key: null,
  value: bytes(index),
  headers: { n: String(index) },
}))
