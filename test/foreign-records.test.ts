import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadKafkajs, type ProducerConfig } from '../kafka/client.ts'
import type { Stage } from '../stages/stage.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

// Records that foreign clients write in special ways. Each test uses the topic before that of the previous test, so that the
// records of one test do not reach the topic of another.
const { CompressionCodecs, CompressionTypes, ConfigResourceTypes } = loadKafkajs()

let pipeline: FreshPipeline
let prefix: string
beforeAll(async () => {
  pipeline = await freshPipeline()
  prefix = pipeline.config.TOPIC_PREFIX
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const LATEST = String(2n ** 63n - 1n)
const wait = { timeout: 240_000, interval: 50 }

const markingStage = (reads: string): Stage => ({
  name: `marks-${reads}`,
  reads,
  adds: 'marked',
  apply: () => true,
})

async function bodiesFrom(topic: string): Promise<string[]> {
  const { rows } = await pipeline.database.query<{ body: string }>(
    `select body from results where stage = $1 order by "offset"`,
    [`marks-${topic}`],
  )
  return rows.map(({ body }) => body)
}

const input = (note: string) => `{"note":"${note}"}`
const output = (note: string) => `{"note":"${note}","marked":true}`

async function withAdmin<T>(work: (admin: ReturnType<FreshPipeline['kafka']['admin']>) => Promise<T>) {
  const admin = pipeline.kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

async function configure(topic: string, settings: Readonly<Record<string, string>>) {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: prefix + topic, configEntries }]
  await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources }))
}

async function openProducer(settings: ProducerConfig = {}) {
  const producer = pipeline.kafka.producer(settings)
  await producer.connect()
  return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.disconnect() })
}

const record = (note: string) => ({ value: input(note), partition: 0 })

/** The group's backlog of partition 0. */
async function backlogOf(topic: string, groupId: string) {
  const [ends, groups] = await withAdmin((admin) =>
    Promise.all([
      admin.fetchTopicOffsets(prefix + topic),
      admin.fetchOffsets({ groupId: prefix + groupId, topics: [prefix + topic] }),
    ]),
  )
  const end = ends.find(({ partition }) => partition === 0)?.high
  const done = groups[0]?.partitions.find(({ partition }) => partition === 0)?.offset
  return Number(end) - Number(done)
}

test('committed transactions are consumed, aborted ones are not, and no backlog remains', async () => {
  await using producer = await openProducer({
    transactionalId: `${prefix}foreign`,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  const inTransaction = async (end: 'commit' | 'abort', ...notes: readonly string[]) => {
    const transaction = await producer.transaction()
    await transaction.send({ topic: `${prefix}stage6`, messages: notes.map(record) })
    await transaction[end]()
  }
  await inTransaction('commit', 'a', 'b')
  await inTransaction('abort', 'not c')
  await inTransaction('commit', 'd')
  await using _stages = runStages(pipeline, [markingStage('stage6')])
  await expect.poll(() => bodiesFrom('stage6'), wait).toEqual(['a', 'b', 'd'].map(output))
  await expect.poll(() => backlogOf('stage6', 'square-root'), wait).toBe(0)
  // The control record of a commit arrives separately, and after an aborted transaction no other record follows.
  await inTransaction('commit', 'e')
  await expect.poll(() => bodiesFrom('stage6'), wait).toEqual(['a', 'b', 'd', 'e'].map(output))
  await inTransaction('abort', 'not f', 'not g')
  await expect.poll(() => backlogOf('stage6', 'square-root'), wait).toBe(0)
  expect(await bodiesFrom('stage6')).toHaveLength(4)
})

/** The Snappy format without compression: the length, then literals of up to 60 bytes. */
const plainSnappy = (bytes: Buffer) => {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 60) }, (_, index) =>
    bytes.subarray(index * 60, index * 60 + 60),
  )
  const literals = pieces.flatMap((piece) => [Buffer.from([(piece.length - 1) << 2]), piece])
  return Buffer.concat([Buffer.from([(bytes.length & 127) | 128, bytes.length >> 7]), ...literals])
}

test('a batch with any compression of the producer is consumed, because the broker decompresses it', async () => {
  const snappy = CompressionCodecs[CompressionTypes.Snappy]
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(plainSnappy(buffer)),
  })
  await using producer = await openProducer()
  const messages = [record('snappy '.repeat(40))]
  await producer.send({ topic: `${prefix}stage5`, compression: CompressionTypes.Snappy, messages })
  CompressionCodecs[CompressionTypes.Snappy] = snappy
  await using _stages = runStages(pipeline, [markingStage('stage5')])
  await expect.poll(() => bodiesFrom('stage5'), wait).toEqual([output('snappy '.repeat(40))])
})

test('records that the topic stores compressed by lz4 end the process with an error that names lz4', async () => {
  await configure('stage4', { 'compression.type': 'lz4' })
  await using stages = runStages(pipeline, [markingStage('stage4')])
  const ended = stages.ended.catch((error: unknown) => error)
  // The broker accepts a setting of a topic before it applies it, so the first records may be stored without compression.
  const post = async () => {
    await pipeline.post('stage4', input('lz4 '.repeat(100)))
    return await Promise.race([ended, setTimeout(1000)])
  }
  await expect.poll(post, wait).toMatchObject({ cause: { message: expect.stringContaining('compressed by lz4') } })
})

test.each([
  ['zstd', 'stage3'],
  ['gzip', 'stage2'],
])('records that the topic stores compressed by %s are consumed', async (codec, topic) => {
  await configure(topic, { 'compression.type': codec })
  const notes = Array.from({ length: 100 }, (_, index) => `${codec} ${index}`)
  await using producer = await openProducer()
  await producer.send({ topic: prefix + topic, messages: notes.map(record) })
  await using _stages = runStages(pipeline, [markingStage(topic)])
  await expect.poll(() => bodiesFrom(topic), wait).toEqual(notes.map(output))
})

test('when a fetch ends in the middle of a batch, every record is consumed once and in order', async () => {
  const notes = Array.from({ length: 60 }, (_, index) => `${index}: `.padEnd(30_000, 'x'))
  await using producer = await openProducer()
  for (let index = 0; index < notes.length; index += 3) {
    await producer.send({ topic: `${prefix}start`, messages: notes.slice(index, index + 3).map(record) })
  }
  await using _stages = runStages(pipeline, [markingStage('start')])
  await expect.poll(() => bodiesFrom('start'), wait).toEqual(notes.map(output))
  await expect.poll(() => backlogOf('start', 'add'), wait).toBe(0)
})

test('a record with a timestamp beyond the range of dates is consumed', async () => {
  const settings = { 'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': LATEST }
  await configure('start', settings)
  await using producer = await openProducer()
  const late = { ...record('late'), timestamp: LATEST }
  await producer.send({ topic: `${prefix}start`, messages: [late] })
  await using _stages = runStages(pipeline, [markingStage('start')])
  await expect.poll(() => bodiesFrom('start'), wait).toContain(output('late'))
})
