import { afterAll, beforeAll, expect, test } from 'vitest'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { startDedicatedServers, type DedicatedServers } from './support/processes/dedicated-servers.ts'
import { produceToStart } from './support/kafka-records.ts'
import { runThroughline } from './support/processes/throughline-cli.ts'
import { stopServer } from './support/processes/stopped-server.ts'
import { notReady, ready, startProbed } from './support/processes/probed-process.ts'

let servers: DedicatedServers
let database: Database
beforeAll(async () => {
  servers = await startDedicatedServers()
  database = openDatabase(readConfig(servers.env), 2)
  await runThroughline(['migrate'], childEnvironment(servers.env))
})
afterAll(async () => {
  await database.end()
  await servers[Symbol.asyncDispose]()
})

const wait = { timeout: 240_000, interval: 100 }

let posted = 0

async function post() {
  posted += await produceToStart(servers.env)
}

async function processed() {
  const { rows } = await database.query<{ count: number }>(`select count(*)::int from results where stage = 'add'`)
  return rows[0]?.count
}

test('Kafka is away at the start: the process says so once, waits alive, and goes on by itself', async () => {
  await post()
  await using kafka = await stopServer(servers.kafka)
  await using add = await startProbed(['run', 'add'], servers.env)
  await expect.poll(() => add.logged(/^Kafka failed/), wait).toHaveLength(1)
  expect(await add.probes()).toEqual(notReady)
  await kafka.restart()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.probes()).toEqual(ready)
  expect(add.logged(/failed/)).toHaveLength(1)
  expect(add.logged(/works again/)).toHaveLength(1)
})

test('Postgres is away at the start: the process says so once, waits alive, and goes on by itself', async () => {
  await using postgres = await stopServer(servers.postgres)
  await post()
  await using add = await startProbed(['run', 'add'], servers.env)
  await expect.poll(() => add.logged(/^Postgres failed/), wait).toHaveLength(1)
  expect(await add.probes()).toEqual(notReady)
  await postgres.restart()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.probes()).toEqual(ready)
  expect(add.logged(/failed/)).toHaveLength(1)
  expect(add.logged(/works again/)).toHaveLength(1)
})

test('Kafka goes away later, and is back', async () => {
  await using add = await startProbed(['run', 'add'], servers.env)
  await expect.poll(add.probes, wait).toEqual(ready)
  await using kafka = await stopServer(servers.kafka)
  await expect.poll(add.probes, wait).toEqual(notReady)
  await kafka.restart()
  await post()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.probes()).toEqual(ready)
  expect(add.logged(/failed/)).toHaveLength(1)
})

test('Kafka is killed by -9 in the middle of work, and is back', async () => {
  await using add = await startProbed(['run', 'add'], servers.env)
  await post()
  await expect.poll(processed, wait).toBe(posted)
  await using kafka = await stopServer(servers.kafka, 'SIGKILL')
  await expect.poll(add.probes, wait).toEqual(notReady)
  await kafka.restart()
  await post()
  await expect.poll(processed, wait).toBe(posted)
  expect(await add.probes()).toEqual(ready)
  expect(add.logged(/failed/)).toHaveLength(1)
})

test('Postgres goes away later with messages on their way, and is back', async () => {
  await using add = await startProbed(['run', 'add'], servers.env)
  await expect.poll(add.probes, wait).toEqual(ready)
  await using postgres = await stopServer(servers.postgres, 'SIGKILL')
  await post()
  await expect.poll(add.probes, wait).toEqual(notReady)
  await postgres.restart()
  await expect.poll(processed, wait).toBe(posted)
  await expect.poll(add.probes, wait).toEqual(ready)
  expect(add.logged(/failed/)).toHaveLength(1)
  expect(add.logged(/works again/)).toHaveLength(1)
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
    await using start = await stopServer(server)
    await using generator = await startProbed(['generator'], { ...servers.env, RATE: '20' })
    await expect.poll(() => generator.logged(/failed/), wait).toHaveLength(1)
    expect(await generator.probes()).toEqual(notReady)
    await start.restart()
    await expect.poll(generator.probes, wait).toEqual(ready)
    await using later = await stopServer(server, 'SIGKILL')
    await expect.poll(generator.probes, wait).toEqual(notReady)
    await later.restart()
    await expect.poll(generator.probes, wait).toEqual(ready)
    expect(generator.logged(/failed/)).toHaveLength(2)
    const { count } = await entered()
    await expect.poll(async () => (await entered()).count, wait).toBeGreaterThan(count)
    generator.kill('SIGTERM')
    expect(await generator.exited).toEqual({ code: 0, signal: null })
    expect((await entered()).unsent).toBe(0)
  },
)
