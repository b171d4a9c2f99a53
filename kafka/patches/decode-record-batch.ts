import type { IHeaders } from 'kafkajs'

/** A record as kafkajs's decoder returns it. */
export interface DecodedRecord {
  readonly magicByte: number
  readonly attributes: number
  readonly timestamp: string
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: IHeaders
  readonly isControlRecord: boolean
  /** kafkajs skips records of aborted transactions by it. */
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

const [COMPRESSION, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL] = [7, 8, 16, 32]
const HEAD_BYTES = 61

/** An error after which kafkajs does not retry: the consumer ends with it, and so does the process. */
export function finalError(message: string): Error {
  return Object.assign(new Error(message), { retriable: false })
}

/**
 * Where the batch that begins at `start` ends; undefined when it is incomplete or compressed.
 * @throws when its length is less than its own head: kafkajs would read it again and again
 */
export function endOfBatch(bytes: Buffer, start: number): number | undefined {
  if (bytes.length < start + HEAD_BYTES) return undefined
  const end = start + 12 + bytes.readInt32BE(start + 8)
  if (end < start + HEAD_BYTES) throw broken(bytes, start)
  const isCompressed = (bytes.readInt16BE(start + 21) & COMPRESSION) !== 0
  return end > bytes.length || isCompressed ? undefined : end
}

/**
 * Decodes a batch whose end {@link endOfBatch} has found, in place. kafkajs makes a decoder for each record, and a new object for
 * each header that it adds.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 * @throws when the records do not end where the batch does
 */
export function decodeRecordBatch(bytes: Buffer, start: number, end: number): DecodedRecord[] {
  const attributes = bytes.readInt16BE(start + 21)
  // A million records a second for 285 years are still safe integers.
  const firstOffset = Number(bytes.readBigInt64BE(start))
  const firstTime = Number(bytes.readBigInt64BE(start + 27))
  const appendTime = (attributes & LOG_APPEND_TIME) > 0 && String(bytes.readBigInt64BE(start + 35))
  const isControlRecord = (attributes & CONTROL) > 0
  const producerId = String(bytes.readBigInt64BE(start + 43))
  const batchContext = { producerId, inTransaction: (attributes & TRANSACTIONAL) > 0 }
  const reader = createReader(bytes, start + HEAD_BYTES)
  const records: DecodedRecord[] = []
  const names: string[] = []
  for (let count = bytes.readInt32BE(start + 57); count > 0; count -= 1) {
    reader.varint()
    const ownAttributes = reader.byte()
    const createTime = firstTime + reader.varint()
    const offset = String(firstOffset + reader.varint())
    const [key, value, headers] = [reader.bytes(), reader.bytes(), readHeaders(reader, names)]
    const timestamp = appendTime || String(createTime)
    const record = { magicByte: 2, attributes: ownAttributes, timestamp, offset, key, value, headers }
    records.push({ ...record, isControlRecord, batchContext })
  }
  if (reader.at() !== end) throw broken(bytes, start)
  return records
}

function broken(bytes: Buffer, start: number): Error {
  const offset = bytes.readBigInt64BE(start)
  const remedy = "Move the group's offset behind it with kafka-consumer-groups.sh, while no member lives."
  return finalError(`The record batch at offset ${offset} is damaged. ${remedy}`)
}

type HeaderValue = Buffer | string | null

/** Without members of a prototype, so that a header name such as `constructor` finds only what was sent. */
export class Headers {
  [name: string]: HeaderValue | HeaderValue[] | undefined
}
Object.setPrototypeOf(Headers.prototype, null)
Reflect.deleteProperty(Headers.prototype, 'constructor')

/** @param names the header names of the record before: most records have the same */
function readHeaders(reader: Reader, names: string[]): IHeaders {
  const headers = new Headers()
  const count = reader.varint()
  for (let index = 0; index < count; index += 1) {
    const name = reader.name(names[index])
    names[index] = name
    const value = reader.textOrBytes()
    addHeader(headers, name, value)
  }
  // kafkajs returns a header without a value as null, which its types do not allow.
  return headers as IHeaders
}

/** Appends in place: a record of 1 MB may have 300,000 headers of one name, and a copy for each would take minutes. */
export function addHeader(headers: Headers, name: string, value: HeaderValue): void {
  const before = headers[name]
  if (before === undefined) headers[name] = value
  else if (Array.isArray(before)) before.push(value)
  else headers[name] = [before, value]
}

type Reader = ReturnType<typeof createReader>

/** Up to this length a loop over the bytes is faster than a call into the engine. */
const SHORT = 64

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
  const slice = (length: number) => {
    at += length
    return buffer.subarray(at - length, at)
  }
  const isAscii = (length: number) => {
    for (let index = at; index < at + length; index += 1) if ((buffer[index] ?? 0) > 127) return false
    return true
  }
  const bytes = () => {
    const length = varint()
    return length < 0 ? null : slice(length)
  }
  /** A short value of ASCII as text: smaller than a Buffer, and the same bytes when it is sent again. */
  const textOrBytes = () => {
    const length = varint()
    if (length < 0) return null
    if (length > SHORT || !isAscii(length)) return slice(length)
    at += length
    return buffer.toString('latin1', at - length, at)
  }
  const isNext = (text: string) => {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      if (code > 127 || code !== buffer[at + index]) return false
    }
    return true
  }
  /** @param guess the probable name: it is compared with the bytes instead of decoding them */
  const name = (guess: string | undefined) => {
    const length = Math.max(0, varint())
    const isGuessRight = guess?.length === length && isNext(guess)
    at += length
    return isGuessRight ? guess : buffer.toString('utf8', at - length, at)
  }
  return { at: () => at, byte, varint, bytes, textOrBytes, name }
}
