import { serveLocally } from '../test/support/processes/local-http-server.ts'
import { startTempoIfInstalled } from '../test/support/telemetry/tempo.ts'
import type { Components } from './machine.ts'

/** Where the tracer exports to. */
export interface TraceBackend extends AsyncDisposable {
  /** Tempo's process; none where it is not installed. */
  readonly components: Components
  /** The variables of pipeline processes of which the tracer keeps this share of all traces. */
  variables(share: number): Readonly<Record<string, string>>
  /** As Tempo counts them; undefined where it is not installed. */
  countSpans(): Promise<{ received: number; discarded: number } | undefined>
}

/** Tempo where it is installed; elsewhere a server that accepts every export and drops it. */
export async function startTraceBackend(): Promise<TraceBackend> {
  await using starting = new AsyncDisposableStack()
  const { port, pid, env } = starting.use(await startTempoIfInstalled())
  const exporter = port === undefined ? await startSink(starting) : env
  const running = starting.move()
  return {
    components: pid === undefined ? {} : { Tempo: [pid] },
    // Messages that waited are slow: only the share is to decide.
    variables: (share) => ({
      ...exporter,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(share),
      TRACE_SLOWER_THAN: '0',
    }),
    async countSpans() {
      if (port === undefined) return undefined
      const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      return {
        received: metricSum(page, 'tempo_distributor_spans_received_total'),
        discarded: metricSum(page, 'tempo_discarded_spans_total'),
      }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function startSink(starting: AsyncDisposableStack): Promise<Record<string, string>> {
  const sink = await serveLocally((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/x-protobuf').end())
  })
  return { OTEL_EXPORTER_OTLP_ENDPOINT: starting.use(sink).origin }
}

/** The sum of all series of a metric on a page for Prometheus; 0 when there are none. */
export function metricSum(page: string, name: string): number {
  const series = page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)`, 'gm'))
  return series.reduce((sum, [, value]) => sum + Number(value), 0)
}
