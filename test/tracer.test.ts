import { afterAll, beforeAll, expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import type { ReceivedSpan } from './support/telemetry/decode-otlp.ts'
import { services, startTracedPipeline, unsampled, type TracedPipeline } from './support/telemetry/traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }

let pipeline: TracedPipeline
beforeAll(async () => {
  pipeline = await startTracedPipeline({ TRACE_SLOWER_THAN: '3600' })
  await Promise.all(services.map((stage) => pipeline.start(stage)))
})
afterAll(() => pipeline[Symbol.asyncDispose]())

/** A message whose trace is kept: when its spans are here, those of an earlier message on the partition would be, too. */
async function passLater(): Promise<void> {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[1]}', { 'message-id': id })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
}

test('of messages that were not sampled only the dead have a trace, and that is whole', async () => {
  const [good, bad] = [unsampled(), unsampled()]
  await pipeline.post('start', '{"numbers":[4]}', { traceparent: good.traceparent })
  await pipeline.post('start', '{"numbers":[-3,-4,-5]}', { traceparent: bad.traceparent })
  await expect.poll(() => pipeline.spansAbout('', bad.traceId).length, wait).toBe(12)
  await passLater()
  expect(pipeline.spansAbout('', good.traceId)).toEqual([])
})

test('a dead letter’s send span is from being computed to the append of its record', async () => {
  const id = newMessageId()
  await pipeline.post('start', 'no JSON', { 'message-id': id })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(2)
  const { rows } = await pipeline.database.query<{ computed: string }>(
    `select (extract(epoch from computed_at) * 1e6)::bigint as computed from results where message_id = $1`,
    [id],
  )
  const [process, send] = pipeline.spansAbout(id)
  const computed = BigInt(rows[0]?.computed ?? 0) * 1000n
  expect([process?.endTimeUnixNano, send?.startTimeUnixNano]).toEqual([computed, computed])
  // The broker's append time has whole milliseconds.
  const end = send?.endTimeUnixNano ?? 1n
  expect(end === computed || end % 1_000_000n === 0n).toBe(true)
  expect(end).toBeGreaterThanOrEqual(computed)
})

test('a message whose row in finished is missing yet is waited for', async () => {
  const [id, waiting] = [newMessageId(), newMessageId()]
  await pipeline.post('start', '{"numbers":[5]}', { 'message-id': id })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
  // The same rows under another id, with the record on the last topic and without the last row.
  const { database, config, kafka } = pipeline
  await database.query(
    `insert into results (message_id, entered_at, previous_sent_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, result, body)
     select $2, entered_at, previous_sent_at, queued_at, started_at, computed_at, "offset", partition, attempt, stage, result, body
     from results where message_id = $1`,
    [id, waiting],
  )
  const producer = kafka.producer()
  await producer.connect()
  const headers = { 'message-id': waiting, traceparent: `00-${waiting}-00f067aa0ba902b7-01` }
  const topic = `${config.TOPIC_PREFIX}finish`
  const [record] = await producer.send({ topic, messages: [{ value: '{}', partition: 0, headers }] })
  await producer.disconnect()
  const behind = newMessageId()
  await pipeline.post('start', '{"numbers":[6]}', { 'message-id': behind })
  await expect.poll(() => pipeline.finished([behind]), wait).toBe(1)
  expect(pipeline.spansAbout(waiting)).toEqual([])
  await database.query(
    `insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
     select $2, entered_at, sent_at, finished_at, $3, 0, 1 from finished where message_id = $1`,
    [id, waiting, record?.baseOffset],
  )
  await expect.poll(() => pipeline.spansAbout(waiting).length, wait).toBe(12)
  await expect.poll(() => pipeline.spansAbout(behind).length, wait).toBe(12)
})

test('a second record of a message, and one without rows, are skipped', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[7]}', { 'message-id': id })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
  const before = pipeline.receiver.spans.length
  const sampled = (of: string) => ({ 'message-id': of, traceparent: `00-${of}-00f067aa0ba902b7-01` })
  await pipeline.post('finish', '{}', sampled(id))
  await pipeline.post('finish', '{}', sampled(newMessageId()))
  await pipeline.post('dead-letter', '{}', sampled(newMessageId()))
  await passLater()
  expect(pipeline.receiver.spans.length).toBe(before + 12)
})

test('a backend that is away, hangs or fails loses no span', async () => {
  const ids = [newMessageId(), newMessageId(), newMessageId()]
  let failures = 0
  pipeline.receiver.statusOf = () => {
    failures += 1
    return failures > 3 ? 200 : 503
  }
  await pipeline.post('start', '{"numbers":[8]}', { 'message-id': ids[0] ?? '' })
  await expect.poll(() => pipeline.spansAbout(ids[0] ?? '').length, wait).toBe(12)
  expect(failures).toBeGreaterThan(3)
  pipeline.receiver.statusOf = () => 200
  pipeline.receiver.isHanging = true
  await pipeline.post('start', '{"numbers":[9]}', { 'message-id': ids[1] ?? '' })
  await expect.poll(() => pipeline.receiver.unanswered.length, wait).toBeGreaterThanOrEqual(12)
  pipeline.receiver.isHanging = false
  await expect.poll(() => pipeline.spansAbout(ids[1] ?? '').length, wait).toBe(12)
})

test('a trace that the backend refuses is dropped alone; the others of its export are there', async () => {
  const ids = Array.from({ length: 8 }, newMessageId)
  const [, , bad = ''] = ids
  pipeline.receiver.statusOf = (spans) => (spans.some(({ traceId }) => traceId === bad) ? 400 : 200)
  for (const id of ids) await pipeline.post('start', '{"numbers":[10]}', { 'message-id': id })
  const whole = () => ids.filter((id) => pipeline.spansAbout(id).length === 12)
  await expect.poll(whole, wait).toHaveLength(7)
  await passLater()
  expect(whole()).not.toContain(bad)
  expect(pipeline.tracer.outputTail()).toContain('refuses this trace')
  pipeline.receiver.statusOf = () => 200
})

test('killed while it exports, the tracer exports the same spans with the same ids and times again', async () => {
  const ids = Array.from({ length: 5 }, newMessageId)
  pipeline.receiver.isHanging = true
  const about = (spans: readonly ReceivedSpan[]) => spans.filter(({ traceId }) => ids.includes(traceId))
  for (const id of ids) await pipeline.post('start', '{"numbers":[14]}', { 'message-id': id })
  await expect.poll(() => pipeline.finished(ids), wait).toBe(5)
  await expect.poll(() => about(pipeline.receiver.unanswered).length, wait).toBeGreaterThanOrEqual(12)
  pipeline.tracer.kill('SIGKILL')
  await pipeline.tracer.exited
  const first = about(pipeline.receiver.unanswered)
  pipeline.receiver.isHanging = false
  await pipeline.startTracer()
  await expect.poll(() => ids.filter((id) => pipeline.spansAbout(id).length === 12), wait).toHaveLength(5)
  const again = new Map(about(pipeline.receiver.spans).map((span) => [span.spanId, span]))
  expect(again.size).toBe(60)
  for (const span of first) expect(again.get(span.spanId)).toEqual(span)
})

test('a tracer that waits for its backend ends upon SIGTERM, and the next one exports what was left', async () => {
  const id = newMessageId()
  pipeline.receiver.isHanging = true
  await pipeline.post('start', '{"numbers":[15]}', { 'message-id': id })
  await expect
    .poll(() => pipeline.receiver.unanswered.filter(({ traceId }) => traceId === id).length, wait)
    .toBeGreaterThanOrEqual(12)
  pipeline.tracer.kill('SIGTERM')
  expect(await pipeline.tracer.exited).toEqual({ code: 0, signal: null })
  pipeline.receiver.isHanging = false
  await pipeline.startTracer()
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
})
