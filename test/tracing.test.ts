import { afterAll, beforeAll, expect, test } from 'vitest'
import { newMessageId } from '../pipeline/message.ts'
import { readTraceRows } from '../telemetry/tracer/trace-rows.ts'
import { CONSUMER, ERROR, PRODUCER } from './support/telemetry/decode-otlp.ts'
import {
  parentChain,
  services,
  shape,
  startTracedPipeline,
  wholePath,
  type TracedPipeline,
} from './support/telemetry/traced-pipeline.ts'

const wait = { timeout: 240_000, interval: 100 }

let pipeline: TracedPipeline
beforeAll(async () => {
  pipeline = await startTracedPipeline()
  // All messages are there before the first stage starts.
  await pipeline.throughline('generator', '--messages', '1000')
  await Promise.all(services.map((stage) => pipeline.start(stage)))
})
afterAll(() => pipeline[Symbol.asyncDispose]())

test('a thousand messages: one trace for each message, its id the message id, every stage in it, each consumer below the producer before', async () => {
  const { rows } = await pipeline.database.query<{ id: string }>(
    `select encode(uuid_send(message_id), 'hex') as id from inputs`,
  )
  const ids = rows.map(({ id }) => id)
  expect(ids).toHaveLength(1000)
  await expect.poll(() => pipeline.finished(ids), wait).toBe(1000)
  await expect.poll(() => pipeline.receiver.spans.length, wait).toBeGreaterThanOrEqual(1000 * 13)
  for (const id of ids) {
    const spans = pipeline.spansAbout(id)
    expect(spans).toHaveLength(13)
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([id]))
    expect(shape(parentChain(spans))).toEqual([['generator', PRODUCER], ...wholePath])
  }
})

test('a message that is submitted has its whole trace, beginning where it entered', async () => {
  await pipeline.throughline('submit', '{"numbers":[3]}')
  const submitted = () => pipeline.receiver.spans.find(({ service }) => service === 'submit')
  await expect.poll(submitted, wait).toBeDefined()
  const id = submitted()?.traceId ?? ''
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(13)
  expect(shape(parentChain(pipeline.spansAbout(id)))).toEqual([['submit', PRODUCER], ...wholePath])
})

test('a message posted by hand without headers has its whole trace, beginning at the first stage', async () => {
  await pipeline.post('start', '{"numbers":[5,6],"note":"by hand"}')
  const byHand = async () => {
    const { rows } = await pipeline.database.query<{ trace_id: string }>(
      `select trace_id from results where stage = 'square-root' and strpos(body, 'by hand') > 0`,
    )
    return rows[0]?.trace_id
  }
  await expect.poll(byHand, wait).toBeDefined()
  const id = (await byHand()) ?? ''
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
  expect(shape(parentChain(pipeline.spansAbout(id)))).toEqual(wholePath)
})

test('every span says whose it is, and about which message; what enters is at position 0', async () => {
  const { rows } = await pipeline.database.query<{ id: string }>(
    `select encode(uuid_send(message_id), 'hex') as id from inputs order by message_id limit 1`,
  )
  const [first] = rows
  const path = parentChain(pipeline.spansAbout(first?.id ?? ''))
  for (const { namespace, attributes } of path) {
    expect(namespace).toBe('throughline')
    expect(attributes).toMatchObject({
      'messaging.system.name': 'kafka',
      'messaging.message.id': first?.id,
      'throughline.attempt': 1,
    })
  }
  const positions = [0, ...services.flatMap((_, index) => [index + 1, index + 1])]
  expect(path.map(({ attributes }) => attributes['throughline.position'])).toEqual(positions)
  const groups = path.flatMap(({ attributes }) => attributes['messaging.consumer.group.name'] ?? [])
  expect(groups).toEqual(services.map((name) => pipeline.config.TOPIC_PREFIX + name))
})

test('a traceparent that came with the message is kept: its span is the parent of the first stage', async () => {
  const [id, traceId, spanId] = [newMessageId(), '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
  await pipeline.post('start', '{"numbers":[7]}', {
    'message-id': id,
    traceparent: `00-${traceId}-${spanId}-01`,
  })
  await expect.poll(() => pipeline.spansAbout(id, traceId).length, wait).toBe(12)
  const spans = pipeline.spansAbout(id, traceId)
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
  expect(shape(parentChain(spans, spanId))).toEqual(wholePath)
  const { rows } = await pipeline.database.query('select distinct trace_id from results where message_id = $1', [id])
  expect(rows).toEqual([{ trace_id: traceId }])
})

test('a message that came unsampled stays unsampled, and the ids are in the rows', async () => {
  const [id, traceId] = [newMessageId(), 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']
  await pipeline.post('start', '{"numbers":[8]}', {
    'message-id': id,
    traceparent: `00-${traceId}-00f067aa0ba902b7-00`,
  })
  const other = newMessageId()
  await expect.poll(() => pipeline.finished([id]), wait).toBe(1)
  // A later message on the same partition: when its spans are here, those of the first would be too.
  await pipeline.post('start', '{"numbers":[9]}', { 'message-id': other })
  await expect.poll(() => pipeline.spansAbout(other).length, wait).toBe(12)
  expect(pipeline.spansAbout(id, traceId)).toEqual([])
  const { rows } = await pipeline.database.query('select distinct trace_id from results where message_id = $1', [id])
  expect(rows).toEqual([{ trace_id: traceId }])
})

test('two records of one message in a batch read its rows once each', async () => {
  const { rows } = await pipeline.database.query<{ id: string }>(
    'select hex(message_id) as id from finished order by message_id limit 2',
  )
  const [one = '', other = ''] = rows.map(({ id }) => id)
  const read = await readTraceRows(
    pipeline.database,
    [one, other, one].map((id) => ({ id, attempt: 1 })),
  )
  expect(read.map(({ id, steps }) => [id, steps.length])).toEqual([
    [one, 6],
    [other, 6],
    [one, 6],
  ])
})

test('a dead letter’s trace ends in an error that says why', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[-3,-4,-5]}', { 'message-id': id })
  await expect.poll(() => pipeline.spansAbout(id).length, wait).toBe(12)
  const path = parentChain(pipeline.spansAbout(id))
  const died = path.at(-2)
  expect(died).toMatchObject({ service: 'square-root', kind: CONSUMER, status: ERROR })
  expect(died?.attributes).toMatchObject({ 'error.type': 'negative-root' })
  expect(path.at(-1)?.name).toBe(`send ${pipeline.config.TOPIC_PREFIX}dead-letter`)
})

test('spans have the times of the rows, to the microsecond', async () => {
  const { rows } = await pipeline.database.query<Record<'id' | 'stage', string> & Record<Time, string>>(
    `select hex(message_id) as id, stage, ${micros('started_at')}, ${micros('sent_at')}, ${micros('next_queued_at')}
     from steps where trace_id = hex(message_id) and next_queued_at is not null order by message_id, position`,
  )
  expect(rows.length).toBeGreaterThanOrEqual(1000 * 6)
  const known = Map.groupBy(pipeline.receiver.spans, (span) => `${span.traceId} ${span.service}`)
  for (const { id, stage, started_at, sent_at, next_queued_at } of rows) {
    const spans = new Map((known.get(`${id} ${stage}`) ?? []).map((span) => [span.kind, span]))
    const [process, send] = [spans.get(CONSUMER), spans.get(PRODUCER)]
    const times = [process?.startTimeUnixNano, process?.endTimeUnixNano, send?.startTimeUnixNano, send?.endTimeUnixNano]
    expect(times).toEqual([started_at, sent_at, sent_at, next_queued_at].map((time) => BigInt(time) * 1000n))
  }
})

type Time = 'started_at' | 'sent_at' | 'next_queued_at'

const micros = (time: Time) => `(extract(epoch from ${time}) * 1e6)::bigint as ${time}`
