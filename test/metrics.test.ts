import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { findProgram } from '../local/find-program.ts'
import { freePort } from '../local/free-port.ts'
import { startProcess } from '../local/pipeline-process.ts'
import { startPrometheus, targetsOf } from '../local/prometheus.ts'
import { runToEnd } from '../local/run-to-end.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { metricList, type MetricDefinition } from '../telemetry/metric-list.ts'
import { roleOf } from '../telemetry/metrics.ts'
import { askPrometheus } from './support/ask-prometheus.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'

const command = findProgram('prometheus')
const promtool = command === undefined ? '' : join(dirname(command), 'promtool')
const wait = { timeout: 120_000, interval: 200 }

test.skipIf(!existsSync(promtool))(
  'promtool accepts the settings (skipped without Prometheus: PROMETHEUS_BIN or `prometheus` on the PATH)',
  async () => {
    const settings = join(import.meta.dirname, '..', 'telemetry', 'prometheus.yml')
    const args = ['check', 'config', settings]
    expect(await runToEnd({ name: 'promtool', command: promtool, args })).toContain(
      'is valid prometheus config',
    )
  },
)

const stages = catalogue.map(({ name }, index) => ({ stage: name, position: index + 1, args: ['run', name] }))
const processes = [
  { stage: 'generator', position: 0, args: ['generator'] },
  ...stages,
  { stage: 'monitor', position: stages.length + 1, args: ['monitor'] },
  { stage: 'tracer', position: stages.length + 1, args: ['tracer'] },
]

/** What the list says of a process's metrics, as Prometheus names them: "throughline_verdict gauge 0 OK, 1 ..." */
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

/** The same as a Prometheus has read it. In OpenMetrics, what a counter's samples end in is no part of its name. */
async function describedAt(prometheus: number, port: number): Promise<string[]> {
  const target = { match_target: `{instance="localhost:${port}"}` }
  const described = (await askPrometheus(prometheus, 'targets/metadata', target)) as readonly Described[]
  return described
    .filter(({ metric }) => metric.startsWith('throughline_'))
    .map(({ metric, type, help }) => `${metric}${type === 'counter' ? '_total' : ''} ${type} ${help}`)
    .toSorted()
}

type Labels = Readonly<Record<'stage' | 'position', string | number>>
const placeOf = ({ stage, position }: Labels) => `${Number(position)} ${stage}`

test.skipIf(command === undefined)(
  'Prometheus finds every process, and there every metric of the list with help and type (skipped without Prometheus)',
  async () => {
    await using data = await throwAwayDirectory()
    await using pipeline = await freshPipeline({ SLEEP_MIN: '0', SLEEP_MAX: '1' })
    await using running = new AsyncDisposableStack()
    const started = processes.map(async (each) => {
      const port = await freePort()
      // A stage points from its measures to traces where traces are exported.
      const endpoint = each.stage === 'add' ? 'http://127.0.0.1:1' : ''
      const env = childEnvironment({
        ...pipeline.env,
        METRICS_PORT: String(port),
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      })
      running.use(await startProcess({ name: each.stage, args: each.args, env }))
      return { ...each, port }
    })
    const all = await Promise.all(started)
    const port = await freePort()
    const dataDir = join(data.path, 'prometheus')
    await using _prometheus = await startPrometheus({ command: command ?? '', port, dataDir, say: () => {} })
    // It runs already: a process that is started later is found, too.
    const targets = all.map((each) => `localhost:${each.port}`)
    await writeFile(join(targetsOf(dataDir), 'test.json'), JSON.stringify([{ targets }]))
    for (const { stage, port: own } of all) {
      await expect.poll(() => describedAt(port, own), wait).toEqual(wantedOf(stage))
    }
    const traceId = newMessageId()
    const traceparent = `00-${traceId}-${traceId.slice(16)}-01`
    await pipeline.post('start', '{"numbers":[16]}', { traceparent })
    const exemplars = () =>
      askPrometheus(port, 'query_exemplars', {
        query: 'throughline_wait_seconds_bucket{stage="add"}',
        start: String(Date.now() / 1000 - 600),
        end: String(Date.now() / 1000),
      }).then(JSON.stringify)
    await expect.poll(exemplars, wait).toContain(traceId)
    const series = { 'match[]': '{__name__=~"throughline_.+"}' }
    const places = async () =>
      new Set(((await askPrometheus(port, 'series', series)) as readonly Labels[]).map(placeOf))
    // Of the monitor's gauges most are said of a stage.
    await expect.poll(places, wait).toEqual(new Set(processes.map(placeOf)))
  },
)

test('whom a process had to wait for is counted, and how often its group gave out the partitions', async () => {
  await using pipeline = await freshPipeline()
  const [databasePort, port] = [await freePort(), await freePort()]
  const env = childEnvironment({ ...pipeline.env, DB_PORT: String(databasePort), METRICS_PORT: String(port) })
  await using way = wayTo(pipeline.config.DB_PORT)
  await using _stage = await startProcess({ name: 'lcm', args: ['run', 'lcm'], env })
  const value = async (series: string) => {
    const page = await fetch(`http://127.0.0.1:${port}/metrics`).then(
      (answer) => answer.text(),
      // It has only begun to start.
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

/** Once it listens, connections to it go on to this port of 127.0.0.1. */
function wayTo(port: number): Server {
  return createServer((client) => {
    const server = connect(port, '127.0.0.1')
    // Either side may hang up in the middle of something.
    for (const socket of [client, server]) socket.on('error', () => {})
    client.pipe(server).pipe(client)
  })
}
