/** Values and, below, field numbers are those of opentelemetry/proto/trace/v1/trace.proto. */
export const PRODUCER = 4
export const CONSUMER = 5
export const ERROR = 2

/** A received span. Ids are hexadecimal, times are nanoseconds since the epoch. */
export interface ReceivedSpan {
  readonly service: string
  /** service.namespace */
  readonly namespace: string
  readonly name: string
  /** {@link PRODUCER} or {@link CONSUMER} */
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  /** {@link ERROR} for a failed span */
  readonly status: number
  readonly attributes: Readonly<Record<string, Value>>
  /** The ids of the linked traces. */
  readonly links: readonly string[]
}

type Value = string | number | boolean

/** The spans of an export request of the protocol http/protobuf. */
export function decodeOtlp(request: Buffer): ReceivedSpan[] {
  return inner(decodeProtobuf(request), 1).flatMap((resourceSpans) => {
    const resource = attributesOf(inner(resourceSpans, 1)[0], 1)
    const spans = inner(resourceSpans, 2).flatMap((scopeSpans) => inner(scopeSpans, 2))
    return spans.map((span) => receivedSpan(span, resource))
  })
}

function receivedSpan(span: ProtobufMessage, resource: Readonly<Record<string, Value>>): ReceivedSpan {
  const { numbers } = span
  return {
    service: String(resource['service.name']),
    namespace: String(resource['service.namespace']),
    traceId: text(span, 1, 'hex'),
    spanId: text(span, 2, 'hex'),
    parentSpanId: text(span, 4, 'hex'),
    name: text(span, 5),
    kind: Number(numbers.get(6)),
    startTimeUnixNano: numbers.get(7) ?? 0n,
    endTimeUnixNano: numbers.get(8) ?? 0n,
    attributes: attributesOf(span, 9),
    links: inner(span, 13).map((link) => text(link, 1, 'hex')),
    status: Number(inner(span, 15)[0]?.numbers.get(3) ?? 0),
  }
}

function inner(message: ProtobufMessage | undefined, field: number): ProtobufMessage[] {
  return (message?.bytes.get(field) ?? []).map(decodeProtobuf)
}

function text(message: ProtobufMessage, field: number, encoding: 'utf8' | 'hex' = 'utf8'): string {
  return message.bytes.get(field)?.[0]?.toString(encoding) ?? ''
}

function attributesOf(message: ProtobufMessage | undefined, field: number): Record<string, Value> {
  return Object.fromEntries(inner(message, field).map((attribute) => [text(attribute, 1), valueOf(inner(attribute, 2)[0])]))
}

function valueOf(value: ProtobufMessage | undefined): Value {
  const [truth, whole, double] = [2, 3, 4].map((field) => value?.numbers.get(field))
  if (truth !== undefined) return truth === 1n
  if (whole !== undefined) return Number(whole)
  if (double !== undefined) return asDouble(double)
  return value === undefined ? '' : text(value, 1)
}

/** A Protocol Buffers message: the values of each field, in order. Numbers of any type are given as their bits. */
interface ProtobufMessage {
  /** Strings, bytes and messages. */
  readonly bytes: ReadonlyMap<number, readonly Buffer[]>
  readonly numbers: ReadonlyMap<number, bigint>
}

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5]

/** @throws {RangeError} when the bytes are not a message */
function decodeProtobuf(buffer: Buffer): ProtobufMessage {
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

/** The double with these bits. */
function asDouble(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0] ?? Number.NaN
}
