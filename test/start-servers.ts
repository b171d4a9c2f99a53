import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startKafka } from '../local/kafka.ts'
import { freePort, temporaryDirectory } from '../local/host-resources.ts'
import { startPostgres, type Login } from '../local/postgres.ts'
import { readConfig } from '../pipeline/config.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The bootstrap server of the tests' Kafka: "127.0.0.1:port". */
    kafka: string
    /** The superuser of the tests' Postgres, which creates a database for each file. */
    postgres: Login
  }
}

/** Starts one Kafka and one Postgres for all files of the project, on free ports. Returns a function that stops them. */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  await using starting = new AsyncDisposableStack()
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const data = starting.use(await temporaryDirectory())
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const kafkaDir = join(data.path, 'kafka')
  const kafka = starting.use(await startKafka({ port: await freePort(), dataDir: kafkaDir, kafkaHome, say }))
  const login = { user: 'flow', password: 'flow', database: 'flow_results' }
  const postgresDir = join(data.path, 'postgres')
  const postgres = starting.use(await startPostgres({ port: await freePort(), dataDir: postgresDir, ...login }))
  project.provide('kafka', kafka.bootstrap)
  const { host, port, user, password } = postgres
  project.provide('postgres', { host, port, user, password })
  const running = starting.move()
  return () => running.disposeAsync()
}
