import { diag, DiagLogLevel, type DiagLogger } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { Log } from '../log.ts'

// Only the one that is used is loaded: gRPC alone is 4 MB.
const modules = {
  'http/protobuf': () => import('@opentelemetry/exporter-trace-otlp-proto'),
  'http/json': () => import('@opentelemetry/exporter-trace-otlp-http'),
  grpc: () => import('@opentelemetry/exporter-trace-otlp-grpc'),
} as const

export type Protocol = keyof typeof modules

export interface TraceExporter {
  /** Resolves when the backend has the spans. @throws when it has not, or may not have them */
  export(spans: readonly ReadableSpan[]): Promise<void>
  close(): Promise<void>
}

export interface ExporterOptions {
  readonly protocol: Protocol
  readonly log: Log
  /** Told of spans that the backend got and refused, by a partial success. */
  readonly onRefused: (spans: number) => void
}

/**
 * OpenTelemetry's OTLP exporter of a protocol. Where to, with which headers, compression and timeout, it reads from
 * OTEL_EXPORTER_OTLP_* itself.
 */
export async function createTraceExporter({
  protocol,
  log,
  onRefused,
}: ExporterOptions): Promise<TraceExporter> {
  diag.setLogger(diagnostics(log, onRefused), DiagLogLevel.WARN)
  const { OTLPTraceExporter } = await modules[protocol]()
  const exporter = new OTLPTraceExporter()
  return {
    export: (spans) =>
      new Promise((resolve, reject) => {
        // A success has no error.
        exporter.export([...spans], ({ error }) => (error === undefined ? resolve() : reject(error)))
      }),
    close: () => exporter.shutdown(),
  }
}

/** The exporters tell of a partial success by a warning alone: its words, and the answer as JSON. */
function diagnostics(log: Log, onRefused: (spans: number) => void): DiagLogger {
  const debug = (message: string, ...details: unknown[]) => log.debug({ details }, message)
  return {
    verbose: debug,
    debug,
    info: debug,
    warn(message, ...details) {
      const refused = details.map(refusedSpans).find((spans) => spans > 0)
      if (refused === undefined) debug(message, ...details)
      else onRefused(refused)
    },
    error: (message, ...details) => log.debug({ details }, message),
  }
}

export function refusedSpans(detail: unknown): number {
  // In protobuf's JSON a 64-bit number is a text.
  const [, spans] = /"rejectedSpans":"?(\d+)/.exec(String(detail)) ?? []
  return Number(spans ?? 0)
}

const INVALID_ARGUMENT = 3
const RESOURCE_EXHAUSTED = 8

/** The backend refuses what is in the request, or its size: sent again as it is, it is refused again. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false
  const { code, message } = error
  const isTooLarge = code === RESOURCE_EXHAUSTED && /larger than max/.test(message)
  return code === 400 || code === 413 || code === INVALID_ARGUMENT || isTooLarge
}

/**
 * Exports traces, halved as often as the backend refuses them, down to the one that it does not take.
 * @returns the traces that were refused
 * @throws any other error: the traces may be there or not, and are to be exported again
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
    return [
      ...(await exportTraces(traces.slice(0, half), exporter)),
      ...(await exportTraces(traces.slice(half), exporter)),
    ]
  }
}
