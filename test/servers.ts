import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startKafka } from '../local/kafka.ts'
import { freePort } from '../local/free-port.ts'
import { startPostgres } from '../local/postgres.ts'
import type { Login } from '../local/postgres-answers.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { readConfig } from '../pipeline/config.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where clients of the test's Kafka begin: "127.0.0.1:port". */
    kafka: string
    /** The superuser of the test's Postgres, who may create a database for each file. */
    postgres: Login
  }
}

/** Starts one Kafka and one Postgres for all files of this project, on free ports; the returned function ends them. */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  await using starting = new AsyncDisposableStack()
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const data = starting.use(await throwAwayDirectory())
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const kafkaDir = join(data.path, 'kafka')
  const kafka = starting.use(await startKafka({ port: await freePort(), dataDir: kafkaDir, kafkaHome, say }))
  const login = { user: 'flow', password: 'flow', database: 'flow_results' }
  const postgresDir = join(data.path, 'postgres')
  const postgres = starting.use(
    await startPostgres({ port: await freePort(), dataDir: postgresDir, say, ...login }),
  )
  project.provide('kafka', kafka.bootstrap)
  const { host, port, user, password } = postgres
  project.provide('postgres', { host, port, user, password })
  const running = starting.move()
  return () => running.disposeAsync()
}
