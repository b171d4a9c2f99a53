import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { childEnvironment } from '../pipeline/config.ts'
import { script } from '../local/throughline-process.ts'
import { startChild, type Child } from '../local/child-process.ts'
import { ownHeaders, headerText } from '../pipeline/headers.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { spanId } from '../telemetry/trace-context.ts'
import { seededRandom } from './support/data/random.ts'
import { readTopic } from './support/kafka-records.ts'
import { serveLocally } from './support/processes/local-http-server.ts'
import { runStages } from './support/running-stages.ts'
import { startTracedPipeline, type TracedPipeline } from './support/telemetry/traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }

/** Sums the numbers of a request after up to 100 ms. Some requests are refused for now, some connections are closed. */
async function startSlowServer() {
  const random = seededRandom(7)
  const keys = new Set<string>()
  /** Requests whose trace is not that of their message. */
  const strangers: string[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const numbers = JSON.parse(await text(request)) as number[]
    const [id] = String(request.headers['idempotency-key']).split('/')
    if (String(request.headers['traceparent']).split('-')[1] !== id) strangers.push(String(id))
    const fate = random()
    await sleep(100 * random())
    if (fate < 0.02) request.socket.destroy()
    else if (fate < 0.05) response.writeHead(503).end()
    else {
      keys.add(String(request.headers['idempotency-key']))
      response.end(JSON.stringify(numbers.reduce((sum, number) => sum + number, 0)))
    }
  }
  const server = await serveLocally((request, response) => void answer(request, response))
  return { ...server, keys, strangers }
}

/** The ids on a topic in the order in which each partition has them first. */
async function idsOf(pipeline: TracedPipeline, topic: string): Promise<string[][]> {
  const ids = new Map<number, Set<string>>()
  await readTopic(pipeline.kafka, pipeline.config.TOPIC_PREFIX + topic, ({ headers = {} }, partition) => {
    const known = ids.get(partition) ?? new Set()
    ids.set(partition, known.add(headerText(headers, ownHeaders.id) ?? ''))
  })
  return [...ids].toSorted(([one], [other]) => one - other).map(([, inOrder]) => inOrder.values().toArray())
}

test('a stage that asks a slow server, killed twice at 100 messages a second, keeps the order, loses nothing, and has its requests in the trace', async () => {
  await using server = await startSlowServer()
  await using pipeline = await startTracedPipeline({ TOPIC_PARTITIONS: '2', RATE: '100' })
  const { database, env, receiver } = pipeline
  const settings = {
    ...env,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '500',
    METRICS_PORT: '0',
  }
  const start = (): Promise<Child> =>
    startChild({
      ...script(['test/support/processes/asking-stage.ts', server.origin], childEnvironment(settings)),
      name: 'asking stage',
    })
  const count = async (table: string) =>
    (await database.query<{ count: number }>(`select count(*)::int from ${table}`)).rows[0]?.count ?? 0
  await using others = runStages(pipeline, catalogue.slice(1))
  let stage = await start()
  const generator = await pipeline.startGenerator()
  for (const entered of [500, 1000]) {
    await expect.poll(() => count('finished'), wait).toBeGreaterThan(entered)
    stage.kill('SIGKILL')
    await stage.exited
    stage = await start()
  }
  await expect.poll(() => count('finished'), wait).toBeGreaterThan(1500)
  await generator.stop()
  const entered = await count('inputs')
  await expect.poll(() => count('finished'), wait).toBe(entered)
  expect(await count('results')).toBe(entered * catalogue.length)
  expect(await count('dead_letters')).toBe(0)
  expect(server.keys.size).toBe(entered)
  expect(server.strangers).toEqual([])
  expect(await idsOf(pipeline, 'stage2')).toEqual(await idsOf(pipeline, 'start'))

  // The stage's last spans are exported when it stops.
  await stage.stop()
  expect(others.health.isAlive()).toBe(true)
  const requests = receiver.spans.filter(({ name, service }) => service === 'add' && name === 'POST')
  expect(requests.length).toBeGreaterThan(entered / 2)
  for (const { traceId, parentSpanId } of requests) expect(parentSpanId).toBe(spanId(traceId, 1, 'add', 'process'))
  const processed = new Map(receiver.spans.map((span) => [span.spanId, span]))
  const [request] = requests
  expect(processed.get(request?.parentSpanId ?? '')).toMatchObject({ service: 'add', traceId: request?.traceId })
})
