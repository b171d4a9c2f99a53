import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { encodeSpans, isPlain } from './otlp-spans.ts'
import type { TracingOptions } from './tracing.ts'

/** The OTLP exporter of a protocol; where to and with which headers it reads from OTEL_EXPORTER_OTLP_* itself. */
export async function createExporter(protocol: TracingOptions['protocol']): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await modules[protocol]()
  return new OTLPTraceExporter({ concurrencyLimit: 8 })
}

// Only the one that is used is loaded: gRPC alone is 4 MB.
const modules = {
  'http/protobuf': async () => {
    const { ProtobufTraceSerializer: serializer } = await import('@opentelemetry/otlp-transformer')
    const { serializeRequest } = serializer
    serializer.serializeRequest = (spans) =>
      spans.every(isPlain) ? encodeSpans(spans) : serializeRequest(spans)
    return await import('@opentelemetry/exporter-trace-otlp-proto')
  },
  'http/json': () => import('@opentelemetry/exporter-trace-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-trace-otlp-grpc'),
} as const
