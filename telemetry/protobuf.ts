// The fields of Protocol Buffers' messages. Source: https://protobuf.dev/programming-guides/encoding
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5]

/** Where fields are written, one behind the other. */
export interface Output {
  buffer: Buffer
  /** What is before it is written. */
  at: number
}

export function newOutput(bytes = 1024): Output {
  return { buffer: Buffer.allocUnsafe(bytes), at: 0 }
}

/** A copy of what was written; the next begins at the start. */
export function takeOutput(out: Output): Buffer {
  const written = Buffer.from(out.buffer.subarray(0, out.at))
  out.at = 0
  return written
}

/** Begins a message. Its length, which comes before it, is expected to take so many bytes. Returns where it begins. */
export function beginMessage(out: Output, field: number, lengthBytes: number): number {
  writeTag(out, field, BYTES)
  out.at += lengthBytes
  return out.at
}

/** Ends the message that begins at `start`. */
export function endMessage(out: Output, start: number, lengthBytes: number): void {
  const length = out.at - start
  const size = varintSize(length)
  need(out, size)
  const begin = start - lengthBytes
  if (size !== lengthBytes) out.buffer.copyWithin(begin + size, start, out.at)
  out.at = begin
  writeVarint(out, length)
  out.at += length
}

export function writeText(out: Output, field: number, text: string): void {
  const length = Buffer.byteLength(text)
  writeTag(out, field, BYTES)
  need(out, length)
  writeVarint(out, length)
  const { buffer, at } = out
  // A short text of ASCII is written faster than a call into the engine takes.
  if (length === text.length && length < 64) {
    for (let index = 0; index < length; index += 1) buffer[at + index] = text.charCodeAt(index)
  } else buffer.write(text, at)
  out.at = at + length
}

/** Bytes that are given as lower-case hex digits. */
export function writeHex(out: Output, field: number, digits: string): void {
  writeTag(out, field, BYTES)
  writeVarint(out, digits.length / 2)
  const { buffer, at } = out
  for (let index = 0; index < digits.length; index += 2) {
    buffer[at + index / 2] = (nibble(digits.charCodeAt(index)) << 4) | nibble(digits.charCodeAt(index + 1))
  }
  out.at = at + digits.length / 2
}

/** A whole number that is not negative. */
export function writeWhole(out: Output, field: number, value: number): void {
  writeTag(out, field, VARINT)
  writeVarint(out, value)
}

export function writeDouble(out: Output, field: number, value: number): void {
  writeTag(out, field, FIXED64)
  out.at = out.buffer.writeDoubleLE(value, out.at)
}

export function writeFixed32(out: Output, field: number, value: number): void {
  writeTag(out, field, FIXED32)
  out.at = out.buffer.writeUInt32LE(value, out.at)
}

/** Seconds and nanoseconds, as nanoseconds: 64 bits, of which a double has but 53. */
export function writeNanoseconds(out: Output, field: number, time: readonly [number, number]): void {
  const [seconds, nanoseconds] = time
  const low = (seconds % 65_536) * 1e9 + nanoseconds
  const high = Math.floor(seconds / 65_536) * 1e9 + Math.floor(low / 65_536)
  writeTag(out, field, FIXED64)
  out.at = out.buffer.writeUInt32LE((high % 65_536) * 65_536 + (low % 65_536), out.at)
  out.at = out.buffer.writeUInt32LE(Math.floor(high / 65_536), out.at)
}

/** Fields that were written elsewhere. */
export function writeFields(out: Output, fields: Uint8Array): void {
  need(out, fields.length)
  out.buffer.set(fields, out.at)
  out.at += fields.length
}

/** Room for a tag and whatever of known size comes behind it. */
const TAG_AND_NUMBER = 32

function writeTag(out: Output, field: number, type: number): void {
  need(out, TAG_AND_NUMBER)
  writeVarint(out, field * 8 + type)
}

function writeVarint(out: Output, value: number): void {
  const { buffer } = out
  let { at } = out
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) {
    buffer[at] = (rest % 128) | 128
    at += 1
  }
  buffer[at] = rest
  out.at = at + 1
}

/** Makes room for so many bytes, and for what {@link writeTag} has made room for. */
function need(out: Output, bytes: number): void {
  const end = out.at + bytes + TAG_AND_NUMBER
  if (end <= out.buffer.length) return
  const larger = Buffer.allocUnsafe(2 * end)
  out.buffer.copy(larger, 0, 0, out.at)
  out.buffer = larger
}

function varintSize(value: number): number {
  let size = 1
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size += 1
  return size
}

/** '0' is 48, 'a' is 97. */
function nibble(code: number): number {
  return code < 64 ? code - 48 : code - 87
}
