import { afterAll, beforeAll, expect, test } from 'vitest'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { startOwnServers, type OwnServers } from './support/own-servers.ts'
import { postToStart } from './support/post-to-start.ts'
import { runThroughline } from './support/run-throughline.ts'
import { takeAway } from './support/take-away.ts'
import { ready, waiting, watchProcess } from './support/watched-process.ts'

let servers: OwnServers
let database: Database
beforeAll(async () => {
  servers = await startOwnServers()
  database = openDatabase(readConfig(servers.env), 2, () => {})
  await runThroughline(['migrate'], childEnvironment(servers.env))
})
afterAll(async () => {
  await database.end()
  await servers[Symbol.asyncDispose]()
})

const wait = { timeout: 240_000, interval: 100 }

let posted = 0

async function post() {
  posted += await postToStart(servers.env)
}

async function processed() {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int from results where stage = 'add'`,
  )
  return rows[0]?.count
}

test('Kafka is away at the start: the process says so once, waits alive, and goes on by itself', async () => {
  await post()
  await using kafka = await takeAway(servers.kafka)
  await using add = await watchProcess(['run', 'add'], servers.env)
  await expect.poll(() => add.said(/^Kafka failed/), wait).toHaveLength(1)
  expect(await add.doors()).toEqual(waiting)
  await kafka.bringBack()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.doors()).toEqual(ready)
  expect(add.said(/failed/)).toHaveLength(1)
  expect(add.said(/works again/)).toHaveLength(1)
})

test('Postgres is away at the start: the process says so once, waits alive, and goes on by itself', async () => {
  await using postgres = await takeAway(servers.postgres)
  await post()
  await using add = await watchProcess(['run', 'add'], servers.env)
  await expect.poll(() => add.said(/^Postgres failed/), wait).toHaveLength(1)
  expect(await add.doors()).toEqual(waiting)
  await postgres.bringBack()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.doors()).toEqual(ready)
  expect(add.said(/failed/)).toHaveLength(1)
  expect(add.said(/works again/)).toHaveLength(1)
})

test('Kafka goes away later, and is back', async () => {
  await using add = await watchProcess(['run', 'add'], servers.env)
  await expect.poll(add.doors, wait).toEqual(ready)
  await using kafka = await takeAway(servers.kafka)
  await expect.poll(add.doors, wait).toEqual(waiting)
  await kafka.bringBack()
  await post()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.doors()).toEqual(ready)
  expect(add.said(/failed/)).toHaveLength(1)
})

test('Kafka is killed by -9 in the middle of work, and is back', async () => {
  await using add = await watchProcess(['run', 'add'], servers.env)
  await post()
  await expect.poll(processed, wait).toBe(posted)
  await using kafka = await takeAway(servers.kafka, 'SIGKILL')
  await expect.poll(add.doors, wait).toEqual(waiting)
  await kafka.bringBack()
  await post()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.doors()).toEqual(ready)
  expect(add.said(/failed/)).toHaveLength(1)
})

test('Postgres goes away later with messages on their way, and is back', async () => {
  await using add = await watchProcess(['run', 'add'], servers.env)
  await expect.poll(add.doors, wait).toEqual(ready)
  await using postgres = await takeAway(servers.postgres, 'SIGKILL')
  await post()
  await expect.poll(add.doors, wait).toEqual(waiting)
  await postgres.bringBack()
  await expect.poll(processed, wait).toBe(posted)
  await expect.poll(add.doors, wait).toEqual(ready)
  expect(add.said(/failed/)).toHaveLength(1)
  expect(add.said(/works again/)).toHaveLength(1)
})

test.each(['Kafka', 'Postgres'] as const)(
  'the generator waits for %s, at the start and later, and loses nothing',
  async (name) => {
    const server = name === 'Kafka' ? servers.kafka : servers.postgres
    const entered = async () => {
      const { rows } = await database.query<{ count: number; unsent: number }>(
        'select count(*)::int, (select count(*)::int from outbox) as unsent from inputs',
      )
      return rows[0] ?? { count: 0, unsent: 0 }
    }
    await using start = await takeAway(server)
    await using generator = await watchProcess(['generator'], { ...servers.env, RATE: '20' })
    await expect.poll(() => generator.said(/failed/), wait).toHaveLength(1)
    expect(await generator.doors()).toEqual(waiting)
    await start.bringBack()
    await expect.poll(generator.doors, wait).toEqual(ready)
    await using later = await takeAway(server, 'SIGKILL')
    await expect.poll(generator.doors, wait).toEqual(waiting)
    await later.bringBack()
    await expect.poll(generator.doors, wait).toEqual(ready)
    expect(generator.said(/failed/)).toHaveLength(2)
    const { count } = await entered()
    await expect.poll(async () => (await entered()).count, wait).toBeGreaterThan(count)
    generator.kill('SIGTERM')
    expect(await generator.exited).toEqual({ code: 0, signal: null })
    expect((await entered()).unsent).toBe(0)
  },
)
