import { exitMessage, type ChildOptions } from '../local/child-process.ts'
import { freePort } from '../local/host-resources.ts'
import { script, startThroughline } from '../local/throughline-process.ts'
import { pipeline } from '../stages/index.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import { serveLocally } from '../test/support/processes/local-http-server.ts'
import { startTempoIfInstalled } from '../test/support/telemetry/tempo.ts'
import type { Components } from './machine.ts'

/** `throughline ARGS` from the sources, to be run to its end. */
export function throughline(args: readonly string[], env: NodeJS.ProcessEnv): ChildOptions {
  return script(['cli/throughline.ts', ...args], env)
}

/** As often as Prometheus does. */
const SCRAPE_EVERY_MS = 5000

/**
 * Starts stages, tracer and monitor side by side, by their names, and settles when all of them are ready. Their metrics are
 * scraped, as in production.
 * @returns their ids by `stages`, `tracer` and `monitor`, the pages of the latest scrape, and a signal that is aborted when the
 *   bench is interrupted or one of them ends: the reason then has its last lines
 */
export async function startProcesses(names: readonly string[], env: NodeJS.ProcessEnv, interrupted: AbortSignal) {
  const failed = new AbortController()
  const signal = AbortSignal.any([interrupted, failed.signal])
  await using starting = new AsyncDisposableStack()
  const start = async (name: string) => {
    const port = await freePort()
    const args = isStage(name) ? ['run', name] : [name]
    const child = await startThroughline({ name, args, env: { ...env, METRICS_PORT: String(port) } })
    starting.use(child)
    void exitMessage(child).then((message) => failed.abort(new Error(`${message}:\n${child.outputTail()}`)))
    return { name, port, pid: child.pid }
  }
  const all = await Promise.all(names.map(start))
  const get = (path: string) => Promise.all(all.map(({ port }) => getText(port, path)))
  let pages: readonly (string | undefined)[] = []
  const scraping = setInterval(() => void get('/metrics').then((latest) => (pages = latest)), SCRAPE_EVERY_MS)
  starting.defer(() => clearInterval(scraping))
  const areReady = async () => (await get('/readyz')).every((page) => page !== undefined)
  await waitUntil('The processes are ready', areReady, { timeoutMs: 60_000, everyMs: 50, signal })
  const running = starting.move()
  const groups = Map.groupBy(all, ({ name }) => (isStage(name) ? 'stages' : name))
  const components: Components = Object.fromEntries(
    groups.entries().map(([group, own]) => [group, own.map(({ pid }) => pid)]),
  )
  return { components, pages: () => pages, signal, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

const isStage = (name: string) => pipeline.some((stage) => stage.name === name)

/** Undefined when the answer is an error, or none comes because the process is starting or stopping. */
async function getText(port: number, path: string): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    const text = await response.text()
    return response.ok ? text : undefined
  } catch {
    return undefined
  }
}

/** Where the tracer exports to. */
export type TraceBackend = Awaited<ReturnType<typeof startTraceBackend>>

/** Tempo where it is installed; elsewhere a server that accepts every export and drops it. */
export async function startTraceBackend() {
  await using starting = new AsyncDisposableStack()
  const { port, pid, env } = starting.use(await startTempoIfInstalled())
  const exporter = port === undefined ? await startSink(starting) : env
  const running = starting.move()
  return {
    components: (pid === undefined ? {} : { Tempo: [pid] }) as Components,
    /** The variables of pipeline processes of which the tracer keeps this share of all traces. */
    variables: (share: number) => ({
      ...exporter,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(share),
      // Messages that waited are slow: only the share is to decide.
      TRACE_SLOWER_THAN: '0',
    }),
    /** As Tempo counts them; undefined where it is not installed. */
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
