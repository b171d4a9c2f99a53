import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startChild, type Child } from '../local/child-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { routeOf } from '../pipeline/route.ts'
import { readBacklog } from '../kafka/backlog.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { groupAssignments, readTopic } from './support/kafka-records.ts'
import { startProbed } from './support/processes/probed-process.ts'

const PARTITIONS = 6

let pipeline: FreshPipeline
beforeEach(async () => {
  pipeline = await freshPipeline({ TOPIC_PARTITIONS: String(PARTITIONS) })
})
afterEach(() => pipeline[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 50 }

const allPartitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** Sends messages one after the other, to each partition in turn. */
async function postInTurn(times: number) {
  for (let time = 0; time < times; time += 1) {
    for (const partition of allPartitions) await pipeline.post('start', '{"numbers":[1,2]}', {}, partition)
  }
}

/** Sends all messages in one request. */
async function postAtOnce(partitions: readonly number[], times: number) {
  const producer = pipeline.kafka.producer()
  await producer.connect()
  const once = partitions.map((partition) => ({ value: '{"numbers":[1,2]}', partition }))
  const messages = Array.from({ length: times }, () => once).flat()
  await producer.send({ topic: `${pipeline.config.TOPIC_PREFIX}start`, messages })
  await producer.disconnect()
}

/** The number of partitions of each replica of the first stage. */
async function shares() {
  const members = await groupAssignments(pipeline.kafka, `${pipeline.config.TOPIC_PREFIX}add`)
  return members.map((partitions) => partitions.length)
}

/** The backlog of the first stage. */
async function waiting() {
  const admin = pipeline.kafka.admin()
  await admin.connect()
  const backlog = await readBacklog(admin, routeOf(pipeline.config, 'add'))
  await admin.disconnect()
  return backlog.reduce((sum, partition) => sum + Number(partition.waiting), 0)
}

async function processed() {
  const { rows } = await pipeline.database.query<{ count: number }>(`select count(*)::int from results where stage = 'add'`)
  return rows[0]?.count
}

test('two replicas share the partitions; when one is killed, no message is lost and the other takes over', async () => {
  await using first = await startProbed(['run', 'add'], pipeline.env)
  await using _second = await startProbed(['run', 'add'], pipeline.env)
  await expect.poll(shares, wait).toEqual([3, 3])
  await postInTurn(20)
  await expect.poll(processed, wait).toBe(20 * PARTITIONS)
  const posting = postInTurn(50)
  await expect.poll(processed, wait).toBeGreaterThan(25 * PARTITIONS)
  first.kill('SIGKILL')
  await posting
  await expect.poll(processed, wait).toBe(70 * PARTITIONS)
  await expect.poll(waiting, wait).toBe(0)
  expect(await shares()).toEqual([PARTITIONS])
})

/** Starts replicas of the slow stage and waits until each has its partitions. */
async function startSlowReplicas(count: number): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const env = childEnvironment({ ...pipeline.env, LOG_LEVEL: 'error' })
  for (let replica = 0; replica < count; replica += 1) {
    const args = [join(import.meta.dirname, 'support', 'processes', 'slow-stage.ts'), 'add', '20']
    const child: Child = await startChild({ name: 'a slow stage', command: process.execPath, args, env })
    starting.use(child)
  }
  await expect.poll(shares, wait).toEqual(Array.from({ length: count }, () => PARTITIONS / count))
  return starting.move()
}

/** Seconds from the first to the last message of the first stage. */
async function secondsOfWork() {
  const { rows } = await pipeline.database.query<{ seconds: number }>(
    `select extract(epoch from max(computed_at) - min(started_at))::float8 as seconds from results where stage = 'add'`,
  )
  return rows[0]?.seconds ?? Number.NaN
}

test('three replicas drain a slow stage faster than one', async () => {
  const messages = 100 * PARTITIONS
  const drain = async (replicas: number) => {
    await pipeline.database.query('truncate results')
    await using _replicas = await startSlowReplicas(replicas)
    await postAtOnce(allPartitions, messages / PARTITIONS)
    await expect.poll(processed, wait).toBe(messages)
    return await secondsOfWork()
  }
  const one = await drain(1)
  // One process needs at least 12 s for 600 messages of 20 ms; three need a third of that and some overhead.
  expect(one).toBeGreaterThanOrEqual(12)
  expect(await drain(3)).toBeLessThan(0.75 * one)
})

test('a batch that takes longer than the session timeout keeps its partition and is not consumed twice', async () => {
  await using _replica = await startSlowReplicas(1)
  // The batch takes 14 s; the broker removes a member after 10 s without a heartbeat.
  await postAtOnce([0], 700)
  await expect.poll(processed, wait).toBe(700)
  const records = () => readTopic(pipeline.kafka, `${pipeline.config.TOPIC_PREFIX}stage2`, () => {})
  await expect.poll(records, wait).toBe(700)
  await expect.poll(waiting, wait).toBe(0)
  expect(await records()).toBe(700)
})
