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
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
