import type { ISerializer, IExportTraceServiceResponse } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import './lean-http.ts'
import { encodeSpans, isPlain } from './otlp-spans.ts'

// Only the one that is used is loaded: gRPC alone is 4 MB.
const modules = {
  'http/protobuf': () => import('@opentelemetry/exporter-trace-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-trace-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-trace-otlp-grpc'),
} as const

export type Protocol = keyof typeof modules

/**
 * The OTLP exporter of a protocol; where to and with which headers it reads from OTEL_EXPORTER_OTLP_* itself.
 * @param onRejected told of spans that the backend got and did not take, which the exporter counts as exported
 */
export async function createExporter(
  protocol: Protocol,
  onRejected: (spans: number) => void,
): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await modules[protocol]()
  const exporter = new OTLPTraceExporter({ concurrencyLimit: 8 })
  const { _delegate: delegate } = exporter as unknown as Inside
  const { _serializer: theirs } = delegate
  delegate._serializer = {
    serializeRequest: (spans) =>
      protocol !== 'http/json' && spans.every(isPlain) ? encodeSpans(spans) : theirs.serializeRequest(spans),
    deserializeResponse: (bytes) => {
      const response = theirs.deserializeResponse(bytes)
      // In JSON, a 64-bit number is a text.
      const rejected: unknown = response.partialSuccess?.rejectedSpans
      if (Number(rejected) > 0) onRejected(Number(rejected))
      return response
    },
  }
  return exporter
}

/** What is inside every exporter; no option leads there. */
interface Inside {
  readonly _delegate: { _serializer: ISerializer<ReadableSpan[], IExportTraceServiceResponse> }
}
