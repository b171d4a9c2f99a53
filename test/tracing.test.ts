import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProcess } from '../local/pipeline-process.ts'
import type { Child } from '../local/child-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'
import { CONSUMER, ERROR, PRODUCER, startOtlpReceiver } from './otlp-receiver.ts'
import type { OtlpReceiver, ReceivedSpan } from './otlp-receiver.ts'
import { chain } from './span-chain.ts'

const wait = { timeout: 240_000, interval: 100 }
const services = catalogue.map(({ name }) => name)

let pipeline: FreshPipeline
let receiver: OtlpReceiver
const running = new Map<string, Child>()

const environment = () =>
  childEnvironment({
    ...pipeline.env,
    LOG_LEVEL: 'info',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  })

async function start(stage: string): Promise<void> {
  running.set(stage, await startProcess({ name: stage, args: ['run', stage], env: environment() }))
}

/** Runs a command of the CLI to its end; its standard output. */
async function throughline(...args: string[]): Promise<string[]> {
  const lines: string[] = []
  const child = await startProcess({
    name: args[0] ?? '',
    args,
    env: environment(),
    onLine: (line) => lines.push(line),
  })
  const { code } = await child.exited
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${child.lastLines()}`)
  return lines
}

beforeAll(async () => {
  pipeline = await freshPipeline()
  receiver = await startOtlpReceiver()
  await Promise.all(services.map(start))
})
afterAll(async () => {
  await Promise.all([...running.values()].map((child) => child.stop()))
  await receiver[Symbol.asyncDispose]()
  await pipeline[Symbol.asyncDispose]()
})

/** The spans about a message, each once, by when they began. */
function spansAbout(id: string, traceId = id): ReceivedSpan[] {
  const about = receiver.spans.filter(
    (span) => span.attributes['messaging.message.id'] === id || span.traceId === traceId,
  )
  const unique = new Map(about.map((span) => [span.spanId, span]))
  return [...unique.values()].toSorted((one, other) =>
    Number(one.startTimeUnixNano - other.startTimeUnixNano),
  )
}

const wholePath = services.flatMap((service) => [
  [service, CONSUMER],
  [service, PRODUCER],
])
const shape = (spans: readonly ReceivedSpan[]) => spans.map(({ service, kind }) => [service, kind])

const finished = async (ids: readonly string[]) => {
  const text = 'select count(*)::int from finishes where message_id = any($1::uuid[])'
  const { rows } = await pipeline.database.query<{ count: number }>(text, [ids])
  return rows[0]?.count
}

test('a batch of hundreds: one trace for each message, its id the message id, every stage in it, each consumer below the producer before', async () => {
  const before = receiver.spans.length
  await throughline('generator', '--messages', '300')
  const { rows } = await pipeline.database.query<{ id: string }>(
    `select encode(uuid_send(message_id), 'hex') as id from inputs`,
  )
  const ids = rows.map(({ id }) => id)
  expect(ids).toHaveLength(300)
  await expect.poll(() => finished(ids), wait).toBe(300)
  await expect.poll(() => receiver.spans.length - before, wait).toBeGreaterThanOrEqual(300 * 13)
  for (const id of ids) {
    const spans = spansAbout(id)
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([id]))
    expect(shape(chain(spans, undefined))).toEqual([['generator', PRODUCER], ...wholePath])
  }
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
  await expect.poll(() => spansAbout(id).length, wait).toBe(12)
  expect(shape(chain(spansAbout(id), undefined))).toEqual(wholePath)
})

test('a traceparent that came with the message is kept: its span is the parent of the first stage', async () => {
  const [id, traceId, spanId] = [newMessageId(), '4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
  await pipeline.post('start', '{"numbers":[7]}', {
    'message-id': id,
    traceparent: `00-${traceId}-${spanId}-01`,
  })
  await expect.poll(() => spansAbout(id, traceId).length, wait).toBe(12)
  const spans = spansAbout(id, traceId)
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
  expect(shape(chain(spans, spanId))).toEqual(wholePath)
  const { rows } = await pipeline.database.query(
    'select distinct trace_id from results where message_id = $1',
    [id],
  )
  expect(rows).toEqual([{ trace_id: traceId }])
})

test('whoever sent a message unsampled keeps all of it unsampled, and the ids are in the rows', async () => {
  const [id, traceId] = [newMessageId(), 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']
  await pipeline.post('start', '{"numbers":[8]}', {
    'message-id': id,
    traceparent: `00-${traceId}-00f067aa0ba902b7-00`,
  })
  const other = newMessageId()
  await expect.poll(() => finished([id]), wait).toBe(1)
  // A later message on the same partition: when its spans are here, those of the first would be too.
  await pipeline.post('start', '{"numbers":[9]}', { 'message-id': other })
  await expect.poll(() => spansAbout(other).length, wait).toBe(12)
  expect(spansAbout(id, traceId)).toEqual([])
  const { rows } = await pipeline.database.query(
    'select distinct trace_id from results where message_id = $1',
    [id],
  )
  expect(rows).toEqual([{ trace_id: traceId }])
})

test('a dead letter’s trace ends in an error that says why', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[-3,-4,-5]}', { 'message-id': id })
  await expect.poll(() => spansAbout(id).length, wait).toBe(12)
  const path = chain(spansAbout(id), undefined)
  const died = path.at(-2)
  expect(died).toMatchObject({ service: 'square-root', kind: CONSUMER, status: ERROR })
  expect(died?.attributes).toMatchObject({ 'error.type': 'negative-root' })
  expect(path.at(-1)?.name).toBe(`send ${pipeline.config.TOPIC_PREFIX}dead-letter`)
})

test('spans have the times of the rows, to the microsecond', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[10]}', { 'message-id': id })
  await expect.poll(() => spansAbout(id).length, wait).toBe(12)
  const { rows } = await pipeline.database.query<{ stage: string; started: string; sent: string }>(
    `select stage, (extract(epoch from started_at) * 1e6)::bigint as started, (extract(epoch from sent_at) * 1e6)::bigint as sent
     from steps where message_id = $1 order by position`,
    [id],
  )
  const consumers = spansAbout(id).filter(({ kind }) => kind === CONSUMER)
  expect(
    consumers.map(({ startTimeUnixNano, endTimeUnixNano }) =>
      [startTimeUnixNano, endTimeUnixNano].map(micros),
    ),
  ).toEqual(rows.map(({ started, sent }) => [Number(started), Number(sent)].map(near)))
})

const micros = (nanos: bigint) => Number(nanos / 1000n)
// A double has a quarter of a microsecond to spare at this date; rounding may go either way, and the header has three digits.
const near = (value: number) => expect.closeTo(value, -1)

test('a stage that was killed between publishing and committing exports the same spans again, not others', async () => {
  const id = newMessageId()
  await pipeline.post('start', '{"numbers":[11]}', { 'message-id': id })
  await expect.poll(() => finished([id]), wait).toBe(1)
  await expect.poll(() => spansAbout(id).length, wait).toBe(12)
  const before = receiver.spans.length
  await running.get('lcm')?.stop()
  // To the stage it is the same: its rows and records are there, its offset is not.
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const [groupId, topic] = [`${pipeline.config.TOPIC_PREFIX}lcm`, `${pipeline.config.TOPIC_PREFIX}stage3`]
  await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '0' }] })
  await admin.disconnect()
  await start('lcm')
  const exported = (from: number) =>
    receiver.spans.slice(from).filter((span) => span.service === 'lcm' && span.traceId === id)
  await expect.poll(() => exported(before).length, wait).toBe(2)
  expect(shape(chain(spansAbout(id), undefined))).toEqual(wholePath)
})
