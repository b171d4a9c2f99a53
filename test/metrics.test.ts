import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { findProgram, freePort, temporaryDirectory } from '../local/host-resources.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { startPrometheus, targetsOf } from '../local/observability-servers.ts'
import { runToEnd } from '../local/child-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { metricList, type MetricDefinition } from '../telemetry/metric-list.ts'
import { roleOf } from '../telemetry/metrics.ts'
import { queryPrometheus } from './support/telemetry/prometheus.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'

const command = findProgram('prometheus')
const promtool = command === undefined ? '' : join(dirname(command), 'promtool')
const wait = { timeout: 120_000, interval: 200 }

test.skipIf(!existsSync(promtool))(
  'promtool accepts the configuration (skipped without Prometheus: PROMETHEUS_BIN or `prometheus` on the PATH)',
  async () => {
    const settings = join(import.meta.dirname, '..', 'telemetry', 'prometheus.yml')
    const args = ['check', 'config', settings]
    expect(await runToEnd({ name: 'promtool', command: promtool, args })).toContain('is valid prometheus config')
  },
)

const stages = catalogue.map(({ name }, index) => ({ stage: name, position: index + 1, args: ['run', name] }))
const processes = [
  { stage: 'generator', position: 0, args: ['generator'] },
  ...stages,
  { stage: 'monitor', position: stages.length + 1, args: ['monitor'] },
  { stage: 'tracer', position: stages.length + 1, args: ['tracer'] },
]

/** The metrics of a process by the list, such as "throughline_verdict gauge 0 OK, 1 ...". */
function wantedOf(stage: string): string[] {
  return Object.entries<MetricDefinition>(metricList)
    .filter(([, { of }]) => of.includes(roleOf(stage)))
    .map(([name, { type, help }]) => `${name} ${type} ${help}`)
    .toSorted()
}

interface Described {
  readonly metric: string
  readonly type: string
  readonly help: string
}

/** The same by Prometheus's metadata. In OpenMetrics, the name of a counter does not include `_total`. */
async function describedAt(prometheus: number, port: number): Promise<string[]> {
  const target = { match_target: `{instance="localhost:${port}"}` }
  const described = (await queryPrometheus(prometheus, 'targets/metadata', target)) as readonly Described[]
  return described
    .filter(({ metric }) => metric.startsWith('throughline_'))
    .map(({ metric, type, help }) => `${metric}${type === 'counter' ? '_total' : ''} ${type} ${help}`)
    .toSorted()
}

type Labels = Readonly<Record<'stage' | 'position', string | number>>
const placeOf = ({ stage, position }: Labels) => `${Number(position)} ${stage}`

test.skipIf(command === undefined)(
  'Prometheus discovers every process and reads every metric of the list with help and type (skipped without Prometheus)',
  async () => {
    await using data = await temporaryDirectory()
    await using pipeline = await freshPipeline({ SLEEP_MIN: '0', SLEEP_MAX: '1' })
    await using running = new AsyncDisposableStack()
    const started = processes.map(async (each) => {
      const port = await freePort()
      // A stage has exemplars only with an export endpoint.
      const endpoint = each.stage === 'add' ? 'http://127.0.0.1:1' : ''
      const env = childEnvironment({
        ...pipeline.env,
        METRICS_PORT: String(port),
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      })
      running.use(await startThroughline({ name: each.stage, args: each.args, env }))
      return { ...each, port }
    })
    const all = await Promise.all(started)
    const port = await freePort()
    const dataDir = join(data.path, 'prometheus')
    await using _prometheus = await startPrometheus({ command: command ?? '', port, dataDir })
    // Prometheus runs first, so that it must discover the processes.
    const targets = all.map((each) => `localhost:${each.port}`)
    await writeFile(join(targetsOf(dataDir), 'test.json'), JSON.stringify([{ targets }]))
    for (const { stage, port: own } of all) {
      await expect.poll(() => describedAt(port, own), wait).toEqual(wantedOf(stage))
    }
    const traceId = newMessageId()
    const traceparent = `00-${traceId}-${traceId.slice(16)}-01`
    await pipeline.post('start', '{"numbers":[16]}', { traceparent })
    const exemplars = () =>
      queryPrometheus(port, 'query_exemplars', {
        query: 'throughline_wait_seconds_bucket{stage="add"}',
        start: String(Date.now() / 1000 - 600),
        end: String(Date.now() / 1000),
      }).then(JSON.stringify)
    await expect.poll(exemplars, wait).toContain(traceId)
    const series = { 'match[]': '{__name__=~"throughline_.+"}' }
    const places = async () => new Set(((await queryPrometheus(port, 'series', series)) as readonly Labels[]).map(placeOf))
    // Most of the monitor's gauges have the label of a stage.
    await expect.poll(places, wait).toEqual(new Set(processes.map(placeOf)))
  },
)

test('retries are counted by server, and rebalances are counted', async () => {
  await using pipeline = await freshPipeline()
  const [databasePort, port] = [await freePort(), await freePort()]
  const env = childEnvironment({ ...pipeline.env, DB_PORT: String(databasePort), METRICS_PORT: String(port) })
  await using way = wayTo(pipeline.config.DB_PORT)
  await using _stage = await startThroughline({ name: 'lcm', args: ['run', 'lcm'], env })
  const value = async (series: string) => {
    const page = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (answer) => answer.text(),
      // The process is still starting.
      () => '',
    )
    const line = page.split('\n').find((each) => each.startsWith(`throughline_${series}`))
    return Number(line?.split(' ').at(-1))
  }
  await expect.poll(() => value('retries_total{server="Postgres"'), wait).toBeGreaterThan(0)
  expect(await value('reconnects_total{server="Postgres"')).toBe(0)
  way.listen(databasePort, '127.0.0.1')
  await expect.poll(() => value('reconnects_total{server="Postgres"'), wait).toBe(1)
  await expect.poll(() => value('rebalances_total'), wait).toBeGreaterThan(0)
  expect(await value('retries_total{server="Kafka"')).toBe(0)
})

/** A proxy to this port of 127.0.0.1. */
function wayTo(port: number): Server {
  return createServer((client) => {
    const server = connect(port, '127.0.0.1')
    // Either side may close the connection at any time.
    for (const socket of [client, server]) socket.on('error', () => {})
    client.pipe(server).pipe(client)
  })
}
