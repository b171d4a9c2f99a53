import { CompressionCodecs, CompressionTypes, ConfigResourceTypes, type ProducerConfig } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Stage } from '../stages/stage.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runStages } from './support/running-stages.ts'

// Records that others write in ways of their own. A test takes from the topic before that of the one before it: what it
// sends on is in nobody's way.
let pipeline: FreshPipeline
let prefix: string
beforeAll(async () => {
  pipeline = await freshPipeline()
  prefix = pipeline.config.TOPIC_PREFIX
})
afterAll(() => pipeline[Symbol.asyncDispose]())

const LATEST = String(2n ** 63n - 1n)
const wait = { timeout: 240_000, interval: 50 }

const takes = (reads: string): Stage => ({ name: `takes-${reads}`, reads, adds: 'taken', apply: () => true })

async function takenFrom(topic: string): Promise<string[]> {
  const { rows } = await pipeline.database.query<{ body: string }>(
    `select body from results where stage = $1 order by "offset"`,
    [`takes-${topic}`],
  )
  return rows.map(({ body }) => body)
}

const posted = (note: string) => `{"note":"${note}"}`
const taken = (note: string) => `{"note":"${note}","taken":true}`

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

const record = (note: string) => ({ value: posted(note), partition: 0 })

/** Records in front of the group, as a dashboard sees them. */
async function waiting(topic: string, groupId: string) {
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

test('of transactions, what was committed is taken, what was given up is not, and nothing is left waiting', async () => {
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
  await using _stages = runStages(pipeline, [takes('stage6')])
  await expect.poll(() => takenFrom('stage6'), wait).toEqual(['a', 'b', 'd'].map(taken))
  await expect.poll(() => waiting('stage6', 'square-root'), wait).toBe(0)
  // The end of a transaction comes by itself, and after one that is given up comes nothing else.
  await inTransaction('commit', 'e')
  await expect.poll(() => takenFrom('stage6'), wait).toEqual(['a', 'b', 'd', 'e'].map(taken))
  await inTransaction('abort', 'not f', 'not g')
  await expect.poll(() => waiting('stage6', 'square-root'), wait).toBe(0)
  expect(await takenFrom('stage6')).toHaveLength(4)
})

/** Snappy's own form, without compressing anything: the length, then up to 60 bytes as they are. */
const plainSnappy = (bytes: Buffer) => {
  const pieces = Array.from({ length: Math.ceil(bytes.length / 60) }, (_, index) =>
    bytes.subarray(index * 60, index * 60 + 60),
  )
  const literals = pieces.flatMap((piece) => [Buffer.from([(piece.length - 1) << 2]), piece])
  return Buffer.concat([Buffer.from([(bytes.length & 127) | 128, bytes.length >> 7]), ...literals])
}

test('what a producer compresses is taken by whatever it compresses: the broker unpacks it', async () => {
  const snappy = CompressionCodecs[CompressionTypes.Snappy]
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(plainSnappy(buffer)),
  })
  await using producer = await openProducer()
  const messages = [record('snappy '.repeat(40))]
  await producer.send({ topic: `${prefix}stage5`, compression: CompressionTypes.Snappy, messages })
  CompressionCodecs[CompressionTypes.Snappy] = snappy
  await using _stages = runStages(pipeline, [takes('stage5')])
  await expect.poll(() => takenFrom('stage5'), wait).toEqual([taken('snappy '.repeat(40))])
})

test('records that lie on their topic compressed by lz4 end the process with a sentence that names it', async () => {
  await configure('stage4', { 'compression.type': 'lz4' })
  await pipeline.post('stage4', posted('lz4 '.repeat(100)))
  await using stages = runStages(pipeline, [takes('stage4')])
  await expect(stages.ended).rejects.toMatchObject({
    cause: { message: expect.stringContaining('compressed by lz4') },
  })
})

test.each([
  ['zstd', 'stage3'],
  ['gzip', 'stage2'],
])('records that lie on their topic compressed by %s are taken', async (codec, topic) => {
  await configure(topic, { 'compression.type': codec })
  const notes = Array.from({ length: 100 }, (_, index) => `${codec} ${index}`)
  await using producer = await openProducer()
  await producer.send({ topic: prefix + topic, messages: notes.map(record) })
  await using _stages = runStages(pipeline, [takes(topic)])
  await expect.poll(() => takenFrom(topic), wait).toEqual(notes.map(taken))
})

test('of batches of which a fetch brings only the beginning of the last, every record is taken once and in order', async () => {
  const notes = Array.from({ length: 60 }, (_, index) => `${index}: `.padEnd(30_000, 'x'))
  await using producer = await openProducer()
  for (let index = 0; index < notes.length; index += 3) {
    await producer.send({ topic: `${prefix}start`, messages: notes.slice(index, index + 3).map(record) })
  }
  await using _stages = runStages(pipeline, [takes('start')])
  await expect.poll(() => takenFrom('start'), wait).toEqual(notes.map(taken))
  await expect.poll(() => waiting('start', 'add'), wait).toBe(0)
})

test('a record that its producer has stamped with a time that no calendar has is taken', async () => {
  const settings = { 'message.timestamp.type': 'CreateTime', 'message.timestamp.after.max.ms': LATEST }
  await configure('start', settings)
  await using producer = await openProducer()
  const late = { ...record('late'), timestamp: LATEST }
  await producer.send({ topic: `${prefix}start`, messages: [late] })
  await using _stages = runStages(pipeline, [takes('start')])
  await expect.poll(() => takenFrom('start'), wait).toContain(taken('late'))
})
