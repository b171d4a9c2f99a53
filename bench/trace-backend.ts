import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { findProgram } from '../local/find-program.ts'
import { freePort } from '../local/free-port.ts'
import { startTempo } from '../local/tempo.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { metricSum } from './metric-sum.ts'
import type { Components } from './processor-time.ts'

/** Where the tracer sends traces. */
export interface TraceBackend extends AsyncDisposable {
  /** The variables that lead the tracer to it. */
  readonly env: Readonly<Record<string, string>>
  /** Its process, as `Tempo`; none when Tempo is not installed. */
  readonly components: Components
  readonly tempo: Tempo | undefined
}

/** What Tempo says of the spans that it got. */
export interface Tempo {
  /** Spans since it was started, and of these those that it did not keep. */
  readonly count: () => Promise<{ readonly received: number; readonly discarded: number }>
  /** How many spans of a trace it shows. */
  readonly spansOf: (traceId: string) => Promise<number>
}

export const missingTempo = 'Tempo is not installed (TEMPO_BIN): exports were answered by the bench itself.'

/** Tempo, where it is installed, with the settings of the project; elsewhere a server that takes everything and forgets it. */
export async function startTraceBackend(): Promise<TraceBackend> {
  const command = findProgram('tempo')
  return command === undefined ? await startSink() : await startTempoAlone(command)
}

async function startSink(): Promise<TraceBackend> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/x-protobuf').end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    env: endpoint(port),
    components: {},
    tempo: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function startTempoAlone(command: string): Promise<TraceBackend> {
  await using starting = new AsyncDisposableStack()
  const { path } = starting.use(await throwAwayDirectory())
  const [port, otlpHttpPort, otlpGrpcPort] = [await freePort(), await freePort(), await freePort()]
  // Nothing listens there: Prometheus is not part of what is measured.
  const remoteWriteUrl = 'http://127.0.0.1:1/api/v1/write'
  const dataDir = join(path, 'tempo')
  const ports = { port, otlpHttpPort, otlpGrpcPort }
  const { pid } = starting.use(
    await startTempo({ command, ...ports, remoteWriteUrl, dataDir, say: () => {} }),
  )
  const running = starting.move()
  const url = `http://127.0.0.1:${port}`
  return {
    env: endpoint(otlpHttpPort),
    components: { Tempo: [pid] },
    tempo: { count: () => countSpans(url), spansOf: (traceId) => countTrace(`${url}/api/traces/${traceId}`) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const endpoint = (port: number) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` })

async function countSpans(url: string) {
  const page = await (await fetch(`${url}/metrics`)).text()
  const received = metricSum(page, 'tempo_distributor_spans_received_total')
  return { received, discarded: metricSum(page, 'tempo_discarded_spans_total') }
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
