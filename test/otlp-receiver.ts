import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** Numbers of opentelemetry/proto/trace/v1/trace.proto. */
export const PRODUCER = 4
export const CONSUMER = 5
export const ERROR = 2

/** A span as it arrived, flattened. Ids in hex, times in nanoseconds since the epoch. */
export interface ReceivedSpan {
  readonly service: string
  readonly name: string
  /** {@link PRODUCER} or {@link CONSUMER} */
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  /** {@link ERROR} for a span that failed */
  readonly status: number
  readonly attributes: Readonly<Record<string, unknown>>
}

export interface OtlpReceiver extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT, with the protocol http/json. */
  readonly endpoint: string
  /** Everything that arrived, a span that arrived twice twice. */
  readonly spans: readonly ReceivedSpan[]
}

/** The end of the line for traces: an OTLP backend that remembers. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = []
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    spans.push(...spansIn(JSON.parse(await text(request)) as Export))
    response.setHeader('content-type', 'application/json').end('{}')
  }
  const server = createServer((request, response) => void take(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface RawSpan extends Omit<
  ReceivedSpan,
  'service' | 'status' | 'attributes' | `${'start' | 'end'}TimeUnixNano`
> {
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly status?: { readonly code?: number }
  readonly attributes: readonly Attribute[]
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[]
  }[]
}

function spansIn({ resourceSpans }: Export): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name'])
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => received(service, span)))
  })
}

function received(service: string, span: RawSpan): ReceivedSpan {
  return {
    ...span,
    service,
    startTimeUnixNano: BigInt(span.startTimeUnixNano),
    endTimeUnixNano: BigInt(span.endTimeUnixNano),
    status: span.status?.code ?? 0,
    attributes: valuesOf(span.attributes),
  }
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
