import { diag, DiagLogLevel, type DiagLogger } from '@opentelemetry/api'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'
import { within } from '../timeouts.ts'

// Only the one that is used is loaded: gRPC alone takes 4 MB.
const modules = {
  'http/protobuf': () => import('@opentelemetry/exporter-trace-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-trace-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-trace-otlp-grpc'),
} as const

export type Protocol = keyof typeof modules

export type TraceExporter = Awaited<ReturnType<typeof createTraceExporter>>

/**
 * OpenTelemetry's OTLP exporter of a protocol. Its other settings come from OTEL_EXPORTER_OTLP_*.
 * @param onRefused called for spans that the backend received and refused, by a partial success
 */
export async function createTraceExporter(protocol: Protocol, log: Log, onRefused: (spans: number) => void) {
  diag.setLogger(diagnostics(log, onRefused), DiagLogLevel.WARN)
  const { OTLPTraceExporter } = await modules[protocol]()
  const exporter = new OTLPTraceExporter()
  return {
    /** @throws when the backend does not have the spans, or may not have them */
    export: (spans: readonly ReadableSpan[]) =>
      new Promise<void>((resolve, reject) => {
        // A success has no error.
        exporter.export([...spans], ({ error }) => (error === undefined ? resolve() : reject(withoutAnswer(error))))
      }),
    // A backend that hangs must not hold up a process that stops: what was not answered is exported again.
    close: () => within(2000, 'the end of the exports', exporter.shutdown()).catch(() => undefined),
  }
}

/** What an HTTP backend has answered is not shown: it may repeat the headers of the request, which may have a token. */
export function withoutAnswer(error: Error & { readonly code?: number | string }): Error {
  const { name, code } = error
  return name === 'OTLPExporterError' && code !== undefined
    ? Object.assign(new Error(`the backend answers ${code}`), { code })
    : error
}

/** The exporters report a partial success as a warning only, with the answer as JSON. */
function diagnostics(log: Log, onRefused: (spans: number) => void): DiagLogger {
  const debug = (message: string, ...details: unknown[]) => {
    log.debug(
      { details: details.map((detail) => (detail instanceof Error ? withoutAnswer(detail).message : detail)) },
      message,
    )
  }
  return {
    verbose: debug,
    debug,
    info: debug,
    warn(message, ...details) {
      const refused = details.map(refusedSpans).find((spans) => spans > 0)
      if (refused === undefined) debug(message, ...details)
      else onRefused(refused)
    },
    error: debug,
  }
}

export function refusedSpans(detail: unknown): number {
  // In protobuf's JSON a 64-bit number is a string.
  const [, spans] = /"rejectedSpans":"?(\d+)/.exec(String(detail)) ?? []
  return Number(spans ?? 0)
}

const INVALID_ARGUMENT = 3
const RESOURCE_EXHAUSTED = 8

/** Whether the backend refuses the content of the request, or its size, and would refuse it again. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  const { code, message } = error
  const isTooLarge = code === RESOURCE_EXHAUSTED && /larger than max/.test(message)
  return code === 400 || code === 413 || code === INVALID_ARGUMENT || isTooLarge
}

/**
 * Exports traces. What the backend refuses is halved and exported again, down to a single trace.
 * @returns the traces that were refused
 * @throws any other error: the traces may have arrived or not, and have to be exported again
 */
export async function exportTraces(
  traces: readonly (readonly ReadableSpan[])[],
  exporter: Pick<TraceExporter, 'export'>,
): Promise<(readonly ReadableSpan[])[]> {
  if (traces.length === 0) return []
  try {
    await exporter.export(traces.flat())
    return []
  } catch (error) {
    if (!isRefusal(error)) throw error
    if (traces.length === 1) return [...traces]
    const half = Math.ceil(traces.length / 2)
    const refused = await exportTraces(traces.slice(0, half), exporter)
    return [...refused, ...(await exportTraces(traces.slice(half), exporter))]
  }
}

/** The resource of each service: its name, and OTEL_RESOURCE_ATTRIBUTES. */
export function createResources(): (service: string) => Resource {
  const common = defaultResource().merge(detectResources({ detectors: [envDetector] }))
  const known = new Map<string, Resource>()
  return (service) => {
    const names = { 'service.name': service, 'service.namespace': 'throughline' }
    const resource = known.get(service) ?? common.merge(resourceFromAttributes(names))
    known.set(service, resource)
    return resource
  }
}

/**
 * Exports a span of a service `doctor`, which no message has.
 * @returns its trace id
 * @throws when the backend does not have it
 */
export async function exportTestSpan(protocol: Protocol, log: Log): Promise<string> {
  const { AlwaysOnSampler, TracerProvider } = await import('@opentelemetry/sdk-trace')
  const provider = new TracerProvider({ resource: createResources()('doctor'), sampler: new AlwaysOnSampler() })
  const span = provider.getTracer('throughline').startSpan('doctor')
  span.end()
  let refused = 0
  const exporter = await createTraceExporter(protocol, log, (spans) => (refused += spans))
  try {
    // The SDK's own spans are readable.
    await exporter.export([span as unknown as ReadableSpan])
  } finally {
    await exporter.close()
  }
  if (refused > 0) throw new Error('the backend refused the span')
  return span.spanContext().traceId
}
