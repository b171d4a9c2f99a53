import { afterAll, beforeAll, expect, test } from 'vitest'
import { childEnvironment } from '../pipeline/config.ts'
import { startDedicatedServers, type DedicatedServers } from './support/processes/dedicated-servers.ts'
import { produceToStart } from './support/kafka-records.ts'
import { runThroughline } from './support/processes/throughline-cli.ts'
import { notReady, ready, startProbed } from './support/processes/probed-process.ts'

let servers: DedicatedServers
beforeAll(async () => {
  servers = await startDedicatedServers()
  await runThroughline(['migrate'], childEnvironment(servers.env))
})
afterAll(() => servers[Symbol.asyncDispose]())

const wait = { timeout: 100_000, interval: 100 }

test.each(['Kafka', 'Postgres'] as const)(
  '%s is frozen, so that connections stand and answers do not come: that is an outage like any other',
  async (name) => {
    const server = name === 'Kafka' ? servers.kafka : servers.postgres
    await using generator = await startProbed(['generator'], { ...servers.env, RATE: '10' })
    await using add = await startProbed(['run', 'add'], servers.env)
    await expect.poll(add.probes, wait).toEqual(ready)
    await expect.poll(generator.probes, wait).toEqual(ready)
    server.kill('SIGSTOP')
    try {
      // A stage asks Postgres only when there is something to do, and the generator lets nothing in without its row.
      if (name === 'Postgres') await produceToStart(servers.env)
      await expect.poll(add.probes, wait).toEqual(notReady)
      await expect.poll(generator.probes, wait).toEqual(notReady)
    } finally {
      server.kill('SIGCONT')
    }
    await expect.poll(add.probes, wait).toEqual(ready)
    await expect.poll(generator.probes, wait).toEqual(ready)
    expect(add.logged(/failed/)).toHaveLength(1)
    expect(add.logged(/works again/)).toHaveLength(1)
  },
  240_000,
)
