import type { IHeaders } from 'kafkajs'

/** A record as kafkajs hands it on. */
export interface TakenRecord {
  readonly magicByte: number
  readonly attributes: number
  readonly timestamp: string
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: IHeaders
  readonly isControlRecord: boolean
  /** What kafkajs asks when a transaction was aborted. */
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

const [COMPRESSION, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL] = [7, 8, 16, 32]
const HEAD_BYTES = 61

/** Where the batch that begins at `start` ends; undefined when it is cut off there, or compressed. */
export function endOfBatch(bytes: Buffer, start: number): number | undefined {
  if (bytes.length < start + HEAD_BYTES) return undefined
  const end = start + 12 + bytes.readInt32BE(start + 8)
  const isCompressed = (bytes.readInt16BE(start + 21) & COMPRESSION) !== 0
  return end > bytes.length || isCompressed ? undefined : end
}

/**
 * The records of a batch that {@link endOfBatch} has found whole. kafkajs makes a decoder for each record, and a new
 * object for each header that it adds; this reads in place.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */
export function readRecordBatch(bytes: Buffer, start: number): TakenRecord[] {
  const attributes = bytes.readInt16BE(start + 21)
  // A million a second for 285 years are still safe integers.
  const firstOffset = Number(bytes.readBigInt64BE(start))
  const firstTime = Number(bytes.readBigInt64BE(start + 27))
  const appendTime = (attributes & LOG_APPEND_TIME) > 0 && String(bytes.readBigInt64BE(start + 35))
  const isControlRecord = (attributes & CONTROL) > 0
  const producerId = String(bytes.readBigInt64BE(start + 43))
  const batchContext = { producerId, inTransaction: (attributes & TRANSACTIONAL) > 0 }
  const reader = createReader(bytes, start + HEAD_BYTES)
  const records: TakenRecord[] = []
  for (let count = bytes.readInt32BE(start + 57); count > 0; count -= 1) {
    reader.varint()
    const ownAttributes = reader.byte()
    const createTime = firstTime + reader.varint()
    const offset = String(firstOffset + reader.varint())
    const [key, value, headers] = [reader.bytes(), reader.bytes(), readHeaders(reader)]
    const timestamp = appendTime || String(createTime)
    const record = { magicByte: 2, attributes: ownAttributes, timestamp, offset, key, value, headers }
    records.push({ ...record, isControlRecord, batchContext })
  }
  return records
}

/** Headers come from anywhere: no name of theirs, such as `constructor`, is to find something that was not sent. */
class Headers {
  [name: string]: Buffer | null | (Buffer | null)[] | undefined
}
Object.setPrototypeOf(Headers.prototype, null)
Reflect.deleteProperty(Headers.prototype, 'constructor')

function readHeaders(reader: Reader): IHeaders {
  const headers = new Headers()
  for (let count = reader.varint(); count > 0; count -= 1) {
    const name = reader.text()
    const value = reader.bytes()
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else headers[name] = Array.isArray(before) ? [...before, value] : [before, value]
  }
  // kafkajs's types do not know a header without a value, which it gives as null.
  return headers as IHeaders
}

type Reader = ReturnType<typeof createReader>

function createReader(buffer: Buffer, start: number) {
  let at = start
  const byte = () => buffer[at++] ?? 0
  /** Signed, 7 bits a byte, the sign in the lowest; exact up to 53 bits. */
  const varint = () => {
    let bits = byte()
    if (bits > 127) {
      let unit = 128
      let next = byte()
      for (bits &= 127; next > 127; unit *= 128, next = byte()) bits += (next & 127) * unit
      bits += next * unit
    }
    return bits % 2 === 0 ? bits / 2 : -(bits + 1) / 2
  }
  const bytes = () => {
    const length = varint()
    if (length < 0) return null
    at += length
    return buffer.subarray(at - length, at)
  }
  const text = () => {
    const length = varint()
    at += Math.max(0, length)
    return buffer.toString('utf8', at - Math.max(0, length), at)
  }
  return { byte, varint, bytes, text }
}
