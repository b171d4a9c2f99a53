import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { sampleWithReplacement, sum } from 'simple-statistics'
import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'
import { spansByService, startTempoIfInstalled } from '../test/support/telemetry/tempo.ts'
import type { Components } from './machine.ts'
import { metricSum, type Processes } from './processes.ts'
import type { Figures } from './suite.ts'

/** Where the tracer exports to. */
export interface TraceBackend extends AsyncDisposable {
  /** Tempo's process; none where it is not installed. */
  readonly components: Components
  /** The port of Tempo's API; undefined where it is not installed. */
  readonly tempo: number | undefined
  /** The variables of pipeline processes of which the tracer keeps this share of all traces. */
  variables(ratio: number): Readonly<Record<string, string>>
}

/** Tempo where it is installed; elsewhere a server that accepts every export and drops it. */
export async function startTraceBackend(): Promise<TraceBackend> {
  await using starting = new AsyncDisposableStack()
  const { port, pid, env } = starting.use(await startTempoIfInstalled())
  const exporter = port === undefined ? await startSink(starting) : env
  const running = starting.move()
  return {
    components: pid === undefined ? {} : { Tempo: [pid] },
    tempo: port,
    // Messages that waited are slow: only the share is to decide.
    variables: (ratio) => ({
      ...exporter,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: String(ratio),
      TRACE_SLOWER_THAN: '0',
    }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function startSink(starting: AsyncDisposableStack): Promise<Record<string, string>> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.setHeader('content-type', 'application/x-protobuf').end())
  })
  starting.defer(() => server.close().closeAllConnections())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** The entry span, and two of each stage. */
const SPANS_A_TRACE = 1 + 2 * pipeline.length
const CHECKED_TRACES = 500
/** How long all of them together may take to become visible after Tempo has acknowledged them. */
const VISIBLE_WITHIN_MS = 10_000

/** What became of the spans of all messages, when the tracer has no backlog and the backend got no other spans. */
export async function traceFigures(
  { tempo }: TraceBackend,
  processes: Processes,
  sampledIds: readonly string[],
): Promise<Figures> {
  const exported = await processes.sumOf('throughline_traces_total', 'outcome="exported"')
  const spansExpected = sampledIds.length * SPANS_A_TRACE
  const figures = { spansExpected, spansExported: exported * SPANS_A_TRACE }
  if (tempo === undefined) return figures
  const page = await (await fetch(`http://127.0.0.1:${tempo}/metrics`)).text()
  const spansReceived = metricSum(page, 'tempo_distributor_spans_received_total')
  const spansDiscarded = metricSum(page, 'tempo_discarded_spans_total')
  const spansLost = Math.max(0, spansExpected - spansReceived) + spansDiscarded
  const tracesWhole = await countWholeTraces(tempo, sampledIds)
  return { ...figures, spansReceived, spansDiscarded, spansLost, tracesWhole }
}

/** How many of 500 traces, chosen at random, Tempo shows with exactly their spans. */
async function countWholeTraces(port: number, ids: readonly string[]): Promise<number> {
  const latest = performance.now() + VISIBLE_WITHIN_MS
  let whole = 0
  for (const id of sampleWithReplacement([...ids], CHECKED_TRACES)) {
    const isWhole = async () => sum(Object.values(await spansByService(port, id))) === SPANS_A_TRACE
    let shown = await isWhole()
    while (!shown && performance.now() < latest) shown = await isWhole()
    whole += Number(shown)
  }
  return whole
}

/** The ids of the messages whose traces are kept, by the rule of OpenTelemetry's own sampler. */
export async function readSampledIds(database: Database, ratio: number): Promise<string[]> {
  const sampler = new TraceIdRatioBasedSampler(ratio)
  const text = `select encode(uuid_send(message_id), 'hex') as id from inputs`
  const { rows } = await database.query<{ id: string }>(text)
  const isKept = (id: string) => sampler.shouldSample(ROOT_CONTEXT, id).decision === SamplingDecision.RECORD_AND_SAMPLED
  return rows.map(({ id }) => id).filter(isKept)
}
