import { join } from 'node:path'
import { startChild } from '../local/child-process.ts'
import { findProgram } from '../local/find-program.ts'
import { freePort } from '../local/free-port.ts'
import { startTempo } from '../local/tempo.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { metricSum } from './metric-sum.ts'
import { script } from './throughline.ts'

/** Where traces go. */
export interface SpanBackend extends AsyncDisposable {
  readonly name: 'sink' | 'Tempo'
  /** The variables that lead processes to it. */
  readonly env: Readonly<Record<string, string>>
  readonly pid: number
  /** Spans that arrived so far, and of these those that it did not keep. */
  readonly count: () => Promise<{ readonly received: number; readonly discarded: number }>
  /** How many spans of a trace it can show; undefined where it keeps none. */
  readonly spansOf: ((traceId: string) => Promise<number>) | undefined
}

/** Takes spans, counts and forgets them. */
export async function startSink(): Promise<SpanBackend> {
  const port = Promise.withResolvers<string>()
  const child = await startChild({
    ...script(['bench/otlp-sink.ts'], childEnvironment({})),
    onLine: port.resolve,
  })
  const url = `http://127.0.0.1:${await port.promise}`
  return {
    name: 'sink',
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: url },
    pid: child.pid,
    count: async () => {
      const { received } = (await (await fetch(url)).json()) as { received: number }
      return { received, discarded: 0 }
    },
    spansOf: undefined,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}

/** Tempo, where it is installed, with the settings of the project; the sink elsewhere. */
export async function startKeeper(): Promise<SpanBackend> {
  const command = findProgram('tempo')
  return command === undefined ? await startSink() : await startTempoAlone(command)
}

async function startTempoAlone(command: string): Promise<SpanBackend> {
  await using starting = new AsyncDisposableStack()
  const data = starting.use(await throwAwayDirectory())
  const [port, otlpHttpPort, otlpGrpcPort] = [await freePort(), await freePort(), await freePort()]
  const tempo = starting.use(
    await startTempo({
      command,
      port,
      otlpHttpPort,
      otlpGrpcPort,
      // Nobody listens there: Prometheus is not part of what is measured.
      remoteWriteUrl: 'http://127.0.0.1:1/api/v1/write',
      dataDir: join(data.path, 'tempo'),
      say: () => {},
    }),
  )
  const running = starting.move()
  return {
    name: 'Tempo',
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpHttpPort}` },
    pid: tempo.pid,
    count: async () => {
      const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      const received = metricSum(page, 'tempo_distributor_spans_received_total')
      return { received, discarded: metricSum(page, 'tempo_discarded_spans_total') }
    },
    spansOf: (traceId) => countTrace(`http://127.0.0.1:${port}/api/traces/${traceId}`),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface TraceAnswer {
  readonly batches?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[]
  }[]
}

async function countTrace(url: string): Promise<number> {
  const answer = await fetch(url)
  // It does not know the trace, or not yet.
  if (answer.status === 404) return 0
  if (!answer.ok) throw new Error(`Tempo answers ${answer.status}: ${await answer.text()}`)
  const { batches = [] } = (await answer.json()) as TraceAnswer
  return batches.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)).length
}
