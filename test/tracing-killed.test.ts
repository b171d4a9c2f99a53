import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { CONSUMER, type ReceivedSpan } from './read-otlp.ts'
import { chain } from './span-chain.ts'
import { services, shape, tracedPipeline, wholePath, type TracedPipeline } from './traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }

let pipeline: TracedPipeline
beforeAll(async () => {
  pipeline = await tracedPipeline()
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** Milliseconds, by the names that spans have for them. */
type Parts = Readonly<Record<string, number>>

/** What the rows say of each stage. */
async function stepsOf(id: string): Promise<{ stage: string; started: number; parts: Parts }[]> {
  const { rows } = await pipeline.database.query<{ stage: string; started: number; parts: Parts }>(
    `select stage, (extract(epoch from started_at) * 1e6)::float8 as started,
      json_build_object('throughline.wait_ms', wait * 1000, 'throughline.work_ms', work * 1000,
        'throughline.save_ms', save * 1000, 'throughline.publish_ms', publish * 1000) as parts
     from step_times join steps using (message_id, attempt, stage) where message_id = $1 order by steps.queued_at`,
    [id],
  )
  return rows
}

/** What the spans of a stage tell of it. */
function partsTold(spans: readonly ReceivedSpan[], stage: string): [name: string, ms: number][] {
  return spans
    .filter(({ service }) => service === stage)
    .flatMap(({ attributes }) => Object.entries(attributes))
    .filter(([name]) => name.endsWith('_ms'))
    .map(([name, value]) => [name, Number(value)])
}

test('a stage that is killed between publishing and committing leaves no hole in the trace, and no time that is not so', async () => {
  const others = services.filter((name) => name !== 'lcm')
  await Promise.all(others.map((stage) => pipeline.start(stage)))
  const dying = await pipeline.start('lcm', {
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'die-before-commit.ts')}`,
  })
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[11]}', { 'message-id': id })
  expect(await dying.exited).toEqual({ code: null, signal: 'SIGKILL' })
  // What it had published goes its way; what it would have told of it is gone.
  await expect.poll(() => pipeline.finished([id]), wait).toBe(1)
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(10)
  const before = pipeline.receiver.spans.length
  await pipeline.start('lcm')
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
  const path = chain(pipeline.spansAbout(id))
  expect(shape(path)).toEqual(wholePath)
  const healed = pipeline.receiver.spans.slice(before).filter(({ service }) => service === 'lcm')
  expect(healed.map(({ attributes }) => attributes['throughline.redelivered'])).toEqual([true, true])
  const steps = await stepsOf(id)
  expect(steps.map(({ stage }) => stage)).toEqual(services)
  for (const { stage, parts } of steps) {
    const told = partsTold(path, stage)
    expect(told).toHaveLength(stage === 'lcm' ? 2 : 4)
    for (const [name, ms] of told) expect([name, ms]).toEqual([name, expect.closeTo(Number(parts[name]), 2)])
  }
  const consumers = path.filter(({ kind }) => kind === CONSUMER)
  expect(consumers.map(({ startTimeUnixNano }) => Number(startTimeUnixNano / 1000n))).toEqual(
    steps.map(({ started }) => expect.closeTo(started, -1)),
  )
  for (const [index, span] of path.entries()) {
    expect(span.startTimeUnixNano).toBeGreaterThanOrEqual(path[index - 1]?.startTimeUnixNano ?? 0n)
  }
})

test('a replay by hand is a trace of its own, which its rows name, linked to the first', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[12]}', { 'message-id': id })
  await pipeline.post('start', '{"numbers":[12]}', { 'message-id': id, attempt: '2' })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(24)
  const { rows } = await pipeline.database.query<{ trace_id: string }>(
    'select distinct trace_id from results where message_id = $1 and attempt = 2',
    [id],
  )
  const traces = Map.groupBy(pipeline.spansAbout(id), ({ traceId }) => traceId)
  expect(rows).toHaveLength(1)
  expect(new Set(traces.keys())).toEqual(new Set([id, rows[0]?.trace_id]))
  for (const [traceId, spans] of traces) {
    const path = chain(spans)
    expect(shape(path)).toEqual(wholePath)
    expect(path.map(({ links }) => links)).toEqual(
      path.map((_, index) => (traceId !== id && index === 0 ? [id] : [])),
    )
  }
})
