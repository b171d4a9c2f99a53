import { asDouble, readProtobuf, type ProtobufMessage } from './read-protobuf.ts'

/** Numbers of opentelemetry/proto/trace/v1/trace.proto, as all fields here. */
export const PRODUCER = 4
export const CONSUMER = 5
export const ERROR = 2

/** A span as it arrived, flattened. Ids in hex, times in nanoseconds since the epoch. */
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
  /** {@link ERROR} for a span that failed */
  readonly status: number
  readonly attributes: Readonly<Record<string, Value>>
  /** The traces that it is linked to. */
  readonly links: readonly string[]
}

type Value = string | number | boolean

/** The spans of an export as it is sent by the protocol http/protobuf. */
export function readOtlp(request: Buffer): ReceivedSpan[] {
  return inner(readProtobuf(request), 1).flatMap((resourceSpans) => {
    const resource = attributesOf(inner(resourceSpans, 1)[0], 1)
    const spans = inner(resourceSpans, 2).flatMap((scopeSpans) => inner(scopeSpans, 2))
    return spans.map((span) => received(span, resource))
  })
}

function received(span: ProtobufMessage, resource: Readonly<Record<string, Value>>): ReceivedSpan {
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
  return (message?.bytes.get(field) ?? []).map(readProtobuf)
}

function text(message: ProtobufMessage, field: number, encoding: 'utf8' | 'hex' = 'utf8'): string {
  return message.bytes.get(field)?.[0]?.toString(encoding) ?? ''
}

function attributesOf(message: ProtobufMessage | undefined, field: number): Record<string, Value> {
  return Object.fromEntries(
    inner(message, field).map((attribute) => [text(attribute, 1), valueOf(inner(attribute, 2)[0])]),
  )
}

function valueOf(value: ProtobufMessage | undefined): Value {
  const [truth, whole, double] = [2, 3, 4].map((field) => value?.numbers.get(field))
  if (truth !== undefined) return truth === 1n
  if (whole !== undefined) return Number(whole)
  if (double !== undefined) return asDouble(double)
  return value === undefined ? '' : text(value, 1)
}
