import { afterAll, beforeAll, expect, test } from 'vitest'
import { childEnvironment } from '../pipeline/config.ts'
import { startOwnServers, type OwnServers } from './support/own-servers.ts'
import { postToStart } from './support/post-to-start.ts'
import { runThroughline } from './support/run-throughline.ts'
import { ready, waiting, watchProcess } from './support/watched-process.ts'

let servers: OwnServers
beforeAll(async () => {
  servers = await startOwnServers()
  await runThroughline(['migrate'], childEnvironment(servers.env))
})
afterAll(() => servers[Symbol.asyncDispose]())

const wait = { timeout: 100_000, interval: 100 }

test.each(['Kafka', 'Postgres'] as const)(
  '%s is frozen, so that connections stand and answers do not come: that is an outage like any other',
  async (name) => {
    const server = name === 'Kafka' ? servers.kafka : servers.postgres
    await using generator = await watchProcess(['generator'], { ...servers.env, RATE: '10' })
    await using add = await watchProcess(['run', 'add'], servers.env)
    await expect.poll(add.doors, wait).toEqual(ready)
    await expect.poll(generator.doors, wait).toEqual(ready)
    server.kill('SIGSTOP')
    try {
      // A stage asks Postgres only when there is something to do, and the generator lets nothing in without its row.
      if (name === 'Postgres') await postToStart(servers.env)
      await expect.poll(add.doors, wait).toEqual(waiting)
      await expect.poll(generator.doors, wait).toEqual(waiting)
    } finally {
      server.kill('SIGCONT')
    }
    await expect.poll(add.doors, wait).toEqual(ready)
    await expect.poll(generator.doors, wait).toEqual(ready)
    expect(add.said(/failed/)).toHaveLength(1)
    expect(add.said(/works again/)).toHaveLength(1)
  },
  240_000,
)
