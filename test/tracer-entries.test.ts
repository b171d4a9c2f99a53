import { afterAll, beforeAll, expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { PRODUCER } from './support/telemetry/decode-otlp.ts'
import {
  parentChain,
  services,
  shape,
  startTracedPipeline,
  unsampled,
  wholePath,
  type TracedPipeline,
} from './support/telemetry/traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }

let pipeline: TracedPipeline
beforeAll(async () => {
  pipeline = await startTracedPipeline({ TRACE_SLOWER_THAN: '3600' })
  await Promise.all(services.map((stage) => pipeline.start(stage)))
})
afterAll(() => pipeline[Symbol.asyncDispose]())

test('a service between two stages that continues the trace is the parent of what comes behind it', async () => {
  const [id, traceId] = [newMessageId(), newMessageId()]
  const own = { 'message-id': id, 'sent-at': String(Date.now() - 5), 'entered-at': String(Date.now() - 9) }
  const body = '{"numbers":[2,3],"sum":5,"product":6}'
  await pipeline.post('stage3', body, { ...own, traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
  await expect.poll(() => pipeline.spansAbout(id, traceId).length, wait).toBe(8)
  expect(shape(parentChain(pipeline.spansAbout(id, traceId), '00f067aa0ba902b7'))).toEqual(wholePath.slice(4))
})

test.each([
  ['average', 3],
  ['add', 0],
])('a replay from %s is a trace of its own, which its rows name, linked to the first', async (from, skipped) => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[12]}', { 'message-id': id })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
  await pipeline.throughline('replay', id, '--from', from)
  const tracesOf = () =>
    Map.groupBy(
      pipeline.receiver.spans.filter(({ attributes }) => attributes['messaging.message.id'] === id),
      ({ traceId }) => traceId,
    )
  const replayed = () => [...tracesOf()].filter(([traceId]) => traceId !== id).flatMap(([, spans]) => spans)
  const expected = [['replay', PRODUCER], ...wholePath.slice(2 * skipped)]
  await expect.poll(() => replayed().length, wait).toBe(expected.length)
  const path = parentChain(replayed())
  expect(shape(path)).toEqual(expected)
  expect(path.map(({ links }) => links)).toEqual(path.map((_, index) => (index === 1 ? [id] : [])))
  const { rows } = await pipeline.database.query<{ trace_id: string }>(
    'select distinct trace_id from results where message_id = $1 and attempt = 2',
    [id],
  )
  expect(rows).toEqual([{ trace_id: path[0]?.traceId }])
})

test('`trace` exports what there is of a message that was not sampled, as the tracer would', async () => {
  const { traceId, traceparent } = unsampled()
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[13]}', { 'message-id': id, traceparent })
  await expect.poll(() => pipeline.finished([id]), wait).toBe(1)
  await pipeline.throughline('trace', id)
  const spans = pipeline.spansAbout(id, traceId)
  expect(shape(parentChain(spans, '00f067aa0ba902b7'))).toEqual(wholePath)
  await expect(pipeline.throughline('trace', newMessageId())).rejects.toThrow('No stage has a row')
})

test('a stage in which the SDK is disabled takes its place in the trace all the same', async () => {
  await using other = await startTracedPipeline()
  const disabled = { OTEL_SDK_DISABLED: 'true' }
  await Promise.all(services.map((stage) => other.start(stage, stage === 'lcm' ? disabled : {})))
  const id = newMessageId()
  await other.post('start', '{"numbers":[3]}', { 'message-id': id })
  await expect.poll(() => other.spansAbout(id).length, wait).toBe(12)
  expect(shape(parentChain(other.spansAbout(id)))).toEqual(wholePath)
})

test('without an endpoint the tracer exports nothing, and is done with what comes', async () => {
  await using other = await startTracedPipeline({ OTEL_TRACES_EXPORTER: 'none' })
  await Promise.all(services.map((stage) => other.start(stage)))
  const id = newMessageId()
  await other.post('start', '{"numbers":[3]}', { 'message-id': id })
  const admin = other.kafka.admin()
  await admin.connect()
  const committed = async () => {
    const topic = `${other.config.TOPIC_PREFIX}finish`
    const [group] = await admin.fetchOffsets({
      groupId: `${other.config.TOPIC_PREFIX}tracer`,
      topics: [topic],
    })
    return group?.partitions.map(({ offset }) => offset)
  }
  await expect.poll(committed, wait).toEqual(['1'])
  await admin.disconnect()
  expect(other.receiver.spans).toEqual([])
})
