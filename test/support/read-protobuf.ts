/** A message of Protocol Buffers: what each field holds, in order. Numbers of any type as their bits. */
export interface ProtobufMessage {
  /** Texts, bytes and messages. */
  readonly bytes: ReadonlyMap<number, readonly Buffer[]>
  readonly numbers: ReadonlyMap<number, bigint>
}

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5]

/** @throws {RangeError} when it is no such message */
export function readProtobuf(buffer: Buffer): ProtobufMessage {
  const bytes = new Map<number, Buffer[]>()
  const numbers = new Map<number, bigint>()
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer.readUInt8(at++)
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  const take = (length: number) => buffer.subarray(at, (at += length))
  while (at < buffer.length) {
    const tag = Number(varint())
    const [field, type] = [tag >>> 3, tag & 7]
    if (type === VARINT) numbers.set(field, varint())
    else if (type === FIXED64) numbers.set(field, take(8).readBigUInt64LE())
    else if (type === FIXED32) numbers.set(field, BigInt(take(4).readUInt32LE()))
    else if (type === BYTES) bytes.set(field, [...(bytes.get(field) ?? []), take(Number(varint()))])
    else throw new RangeError(`Protocol Buffers have no wire type ${type}`)
  }
  return { bytes, numbers }
}

/** The number that has these bits. */
export function asDouble(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0] ?? Number.NaN
}
