import { join } from 'node:path'
import { findProgram, freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { startTempo } from '../../../local/observability-servers.ts'

export interface RunningTempo extends AsyncDisposable {
  /** The port of its query API; undefined when Tempo is not installed. */
  readonly port: number | undefined
  /** The process id. */
  readonly pid: number | undefined
  /** The setting with which a process exports its spans to this Tempo. */
  readonly env: Record<string, string>
}

/** Starts Tempo, if it is installed. */
export async function startTempoIfInstalled(): Promise<RunningTempo> {
  await using starting = new AsyncDisposableStack()
  const command = findProgram('tempo')
  if (command === undefined) return { port: undefined, pid: undefined, env: {}, async [Symbol.asyncDispose]() {} }
  const { path } = starting.use(await temporaryDirectory())
  const [port, otlpHttpPort, otlpGrpcPort] = [await freePort(), await freePort(), await freePort()]
  const options = { command, port, otlpHttpPort, otlpGrpcPort, dataDir: join(path, 'tempo') }
  // The metrics that Tempo generates are not stored: the port is closed.
  const { pid } = starting.use(await startTempo({ ...options, remoteWriteUrl: 'http://127.0.0.1:1/' }))
  const running = starting.move()
  return {
    port,
    pid,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpHttpPort}` },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}
interface TraceResponse {
  readonly batches?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[]
  }[]
}

/** The number of spans of a trace by service; empty while Tempo does not have the trace. */
export async function spansByService(port: number, id: string): Promise<Record<string, number>> {
  const response = await fetch(`http://127.0.0.1:${port}/api/traces/${id}`)
  if (response.status === 404) return {}
  const { batches = [] } = (await response.json()) as TraceResponse
  const counts: Record<string, number> = {}
  for (const { resource, scopeSpans } of batches) {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
    counts[service] = (counts[service] ?? 0) + scopeSpans.flatMap(({ spans }) => spans).length
  }
  return counts
}
