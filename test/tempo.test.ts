import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { findProgram, freePort, requireFreePort, temporaryDirectory } from '../local/host-resources.ts'
import { startPrometheus, startTempo } from '../local/observability-servers.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { newMessageId } from '../pipeline/message.ts'
import { queryPrometheus } from './support/telemetry/prometheus.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { spansByService } from './support/telemetry/tempo.ts'

const command = findProgram('tempo')
const prometheusCommand = findProgram('prometheus')
const wait = { timeout: 240_000, interval: 100 }

interface Graph {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly value: readonly [time: number, value: string]
  }[]
}

/** The number of messages by edge of Tempo's service graph, such as "add > multiply". */
async function edges(prometheusPort: number): Promise<Record<string, number>> {
  const query = 'traces_service_graph_request_total{connection_type="messaging_system"}'
  const { result } = (await queryPrometheus(prometheusPort, 'query', { query })) as Graph
  return Object.fromEntries(
    result.map(({ metric, value: [, value] }) => [`${metric['client']} > ${metric['server']}`, Number(value)]),
  )
}

interface Ports {
  readonly port: number
  readonly otlpHttpPort: number
  readonly otlpGrpcPort: number
}

async function freePorts(): Promise<Ports> {
  return { port: await freePort(), otlpHttpPort: await freePort(), otlpGrpcPort: await freePort() }
}

/** Starts processes of the pipeline that export to Tempo. */
function runs(pipeline: FreshPipeline, { otlpHttpPort }: Ports) {
  const env = childEnvironment({
    ...pipeline.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${otlpHttpPort}`,
  })
  const running = new AsyncDisposableStack()
  return {
    start: async (...args: readonly string[]) => running.use(await startThroughline({ name: args.join(' '), args, env })),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const names = catalogue.map(({ name }) => name)

test.skipIf(command === undefined)(
  'the trace of a message is complete and found by its id (skipped without TEMPO_BIN or `tempo` on the PATH)',
  async () => {
    await using data = await temporaryDirectory()
    const ports = await freePorts()
    const dataDir = join(data.path, 'a path with spaces')
    // The port is closed.
    const remoteWriteUrl = 'http://127.0.0.1:1/api/v1/write'
    await using tempo = await startTempo({ ...ports, remoteWriteUrl, command: command ?? '', dataDir })
    await using pipeline = await freshPipeline()
    await using processes = runs(pipeline, ports)
    await Promise.all([processes.start('tracer'), ...names.map((name) => processes.start('run', name))])
    const id = newMessageId()
    await pipeline.post('start', '{"numbers":[16]}', { 'message-id': id })
    const whole = Object.fromEntries(names.map((name) => [name, 2]))
    await expect.poll(() => spansByService(ports.port, id), wait).toEqual(whole)
    await processes[Symbol.asyncDispose]()
    await tempo.stop()
    for (const each of Object.values(ports)) await requireFreePort(each, 'this test')
  },
)

test.skipIf(command === undefined || prometheusCommand === undefined)(
  'the service graph has an edge between all stages, also when messages waited a minute (skipped without Tempo and Prometheus)',
  async () => {
    await using data = await temporaryDirectory()
    const [ports, prometheusPort] = [await freePorts(), await freePort()]
    await using _prometheus = await startPrometheus({
      command: prometheusCommand ?? '',
      port: prometheusPort,
      dataDir: join(data.path, 'prometheus'),
    })
    const remoteWriteUrl = `http://127.0.0.1:${prometheusPort}/api/v1/write`
    const dataDir = join(data.path, 'tempo')
    await using tempo = await startTempo({ ...ports, remoteWriteUrl, command: command ?? '', dataDir })
    await using pipeline = await freshPipeline()
    await using processes = runs(pipeline, ports)
    const late = 'lcm'
    await Promise.all(names.filter((name) => name !== late).map((name) => processes.start('run', name)))
    await processes.start('tracer')
    await processes.start('generator', '--messages', '3')
    const waiting = `select count(*)::int as count from results
      where stage = 'multiply' and computed_at < now() - interval '61 s'`
    await vi.waitUntil(async () => (await pipeline.database.query(waiting)).rows[0].count === 3, wait)
    await processes.start('run', late)
    const hops = names.map((name, index) => [`${names[index - 1] ?? 'generator'} > ${name}`, 3])
    await expect.poll(() => edges(prometheusPort), wait).toEqual(Object.fromEntries(hops))
    // A send span ends with the answer of the broker, often after the next stage has begun: Tempo would warn at each message.
    expect(tempo.outputTail()).not.toContain('producerSpanEndTime')
  },
)
