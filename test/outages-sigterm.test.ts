import { afterAll, beforeAll, expect, test } from 'vitest'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../telemetry/log.ts'
import { startDedicatedServers, type DedicatedServers } from './support/processes/dedicated-servers.ts'
import { produceToStart } from './support/kafka-records.ts'
import { runThroughline } from './support/processes/throughline-cli.ts'
import { stopServer } from './support/processes/stopped-server.ts'
import { notReady, ready, startProbed } from './support/processes/probed-process.ts'

let servers: DedicatedServers
beforeAll(async () => {
  servers = await startDedicatedServers()
  await runThroughline(['migrate'], childEnvironment(servers.env))
})
afterAll(() => servers[Symbol.asyncDispose]())

const wait = { timeout: 240_000, interval: 50 }

test.each([
  ['the generator', 'Kafka'],
  ['the generator', 'Postgres'],
  ['a stage', 'Kafka'],
  ['a stage', 'Postgres'],
] as const)('SIGTERM ends %s within 10 s while it waits for %s', async (who, name) => {
  const server = name === 'Kafka' ? servers.kafka : servers.postgres
  await using generator = await startProbed(['generator'], { ...servers.env, RATE: '20' })
  await using stage = await startProbed(['run', 'add'], servers.env)
  const watched = who === 'a stage' ? stage : generator
  await expect.poll(stage.probes, wait).toEqual(ready)
  await expect.poll(generator.probes, wait).toEqual(ready)
  await using _away = await stopServer(server, 'SIGKILL')
  // A stage asks Postgres only when there is something to do, and the generator lets nothing in without its row.
  if (name === 'Postgres') await produceToStart(servers.env)
  await expect.poll(watched.probes, wait).toEqual(notReady)
  const begin = performance.now()
  watched.kill('SIGTERM')
  expect(await watched.exited).toEqual({ code: 0, signal: null })
  expect(performance.now() - begin).toBeLessThan(10_000)
})

test('SIGTERM ends a stage that has never reached its servers', async () => {
  await using _kafka = await stopServer(servers.kafka)
  await using _postgres = await stopServer(servers.postgres)
  await using add = await startProbed(['run', 'add'], servers.env)
  await expect.poll(() => add.logged(/failed/), wait).toHaveLength(1)
  add.kill('SIGTERM')
  expect(await add.exited).toEqual({ code: 0, signal: null })
})

test('SIGTERM ends a stage within 10 s while it waits for the first join of its group', async () => {
  const kafka = createKafka(kafkaSettings(readConfig(servers.env), 'test'), createLog('silent', {}))
  // A member that holds a batch for ever: the group waits for it when another member joins.
  const holding = Promise.withResolvers<void>()
  const holder = kafka.consumer({ groupId: 'multiply', sessionTimeout: 60_000, rebalanceTimeout: 300_000 })
  await holder.connect()
  await holder.subscribe({ topic: 'stage2', fromBeginning: true })
  const held = Promise.withResolvers<void>()
  await holder.run({
    eachBatch: async () => {
      held.resolve()
      await holding.promise
    },
  })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'stage2', messages: [{ value: '{}' }] })
  await producer.disconnect()
  await held.promise
  const admin = kafka.admin()
  await admin.connect()
  const state = async () => (await admin.describeGroups(['multiply'])).groups[0]?.state
  await using multiply = await startProbed(['run', 'multiply'], servers.env)
  await expect.poll(state, wait).toBe('PreparingRebalance')
  multiply.kill('SIGTERM')
  expect(await multiply.exited).toEqual({ code: 0, signal: null })
  holding.resolve()
  await Promise.all([holder.disconnect(), admin.disconnect()])
})
