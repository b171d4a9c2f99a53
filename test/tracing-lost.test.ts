import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../local/free-port.ts'
import { newMessageId } from '../pipeline/message.ts'
import { tracedPipeline, type TracedPipeline } from './traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }

let pipeline: TracedPipeline
beforeAll(async () => {
  pipeline = await tracedPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const QUEUE = 10
const MESSAGES = 30

async function post(ids: readonly string[]): Promise<void> {
  for (const id of ids) await pipeline.post('start', '{"numbers":[1]}', { 'message-id': id })
}

async function processed(ids: readonly string[]) {
  const text = `select count(*)::int from results where stage = 'add' and message_id = any($1::uuid[])`
  return (await pipeline.database.query<{ count: number }>(text, [ids])).rows[0]?.count
}

async function lostAt(port: number): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(/^throughline_spans_lost_total\{.*\} (\d+)/m.exec(page)?.[1])
}

test.each(['hangs', 'is away'])(
  'a backend that %s costs spans, which are counted and said, and stops nobody',
  async (how) => {
    const [port, nowhere] = [await freePort(), await freePort()]
    pipeline.receiver.isHanging = true
    const add = await pipeline.start('add', {
      METRICS_PORT: String(port),
      OTEL_BSP_MAX_QUEUE_SIZE: String(QUEUE),
      ...(how === 'is away' && { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${nowhere}` }),
    })
    const ids = Array.from({ length: MESSAGES }, newMessageId)
    await post(ids)
    await expect.poll(() => processed(ids), wait).toBe(MESSAGES)
    // What waits or is under way is not lost yet: four exports at once, each of a full queue at most.
    await expect.poll(() => lostAt(port), wait).toBeGreaterThanOrEqual(2 * MESSAGES - 5 * QUEUE)
    expect(add.lastLines()).toContain('span(s) lost: the trace backend')
    add.kill('SIGTERM')
    expect(await add.exited).toEqual({ code: 0, signal: null })
    expect(add.lastLines()).toContain(`${2 * MESSAGES} span(s) were lost in all`)
  },
)

test('the sampler is asked once, where a message enters; the stages behind follow', async () => {
  pipeline.receiver.isHanging = false
  const half = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' }
  await pipeline.start('add', half)
  await pipeline.start('multiply', { OTEL_TRACES_SAMPLER: 'always_off' })
  await pipeline.start('lcm', { OTEL_TRACES_SAMPLER: 'always_on' })
  // The four words of a trace id, each combined with the others by XOR, are below or above the half.
  const [dropped, kept] = ['f0000000000000000000000000000001', '00000001000000000000000000000001']
  await post([dropped, kept])
  await expect.poll(() => pipeline.spansAbout(kept).length, wait).toBe(6)
  expect(pipeline.spansAbout(dropped)).toEqual([])
})
