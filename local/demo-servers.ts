import { join } from 'node:path'
import { databaseMistake, withDatabase, withKafka } from '../cli/servers.ts'
import { isGiven } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { type PlannedServer, type ServersOptions, planObservability } from './demo-observability.ts'
import { requireFreePort } from './host-resources.ts'
import { startKafka } from './kafka.ts'
import type { LocalServer } from './local-server.ts'
import { startPostgres } from './postgres.ts'

interface DemoServer extends PlannedServer {
  /** Undefined when the demo did not start it. */
  readonly process: LocalServer | undefined
}

const STOP_MS = 3000

/**
 * Starts Kafka and Postgres, or finds those that BOOTSTRAP_SERVERS and DB_HOST name, and starts the observability servers
 * that are installed. Disposing stops the started ones.
 * @throws {UserError} when something that they need is missing; nothing runs then
 */
export async function startServers(options: ServersOptions): Promise<AsyncDisposable & { all: readonly DemoServer[] }> {
  // All checks come before the first start: Kafka needs some seconds, and an error of Postgres should not come after them.
  const planned = [await planKafka(options), await planPostgres(options), ...(await planObservability(options))]
  const all: DemoServer[] = []
  await using starting = new AsyncDisposableStack()
  starting.defer(async () => void (await Promise.all(all.map(stop))))
  for (const server of planned) all.push(await startPlanned(server, options.say))
  const running = starting.move()
  return { all, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

export async function startPlanned(server: PlannedServer, say: ServersOptions['say']): Promise<DemoServer> {
  const process = await server.start?.()
  const { name, address, about } = server
  if (process !== undefined) say(`${name} is up at ${address}${about === undefined ? '' : `: ${about}`}.`)
  return { ...server, process }
}

async function planKafka(options: ServersOptions): Promise<PlannedServer> {
  const { kafkaPort: port, config, dataDir, say, signal } = options
  const { BOOTSTRAP_SERVERS, KAFKA_HOME: kafkaHome } = config
  if (isGiven('BOOTSTRAP_SERVERS')) {
    const answer = withKafka(config, ({ admin }) => admin.listTopics())
    await requireAnswer('BOOTSTRAP_SERVERS', answer)
    const address = BOOTSTRAP_SERVERS.join(',')
    say(`BOOTSTRAP_SERVERS is set: the Kafka at ${address} is used.`)
    return { name: 'Kafka', address, env: {} }
  }
  const changePortWith = `\`npm run demo -- --kafka-port ${another(port)}\``
  await requireFreePort(port, 'Kafka', changePortWith)
  const address = `localhost:${port}`
  const own = { port, changePortWith, dataDir: join(dataDir, 'kafka'), kafkaHome, say, signal }
  const env = { BOOTSTRAP_SERVERS: address, TOPICS_AUTO_CREATE: 'true' }
  return { name: 'Kafka', address, env, start: () => startKafka(own) }
}

async function planPostgres(options: ServersOptions): Promise<PlannedServer> {
  const { config, dataDir, say, signal } = options
  const { DB_HOST, DB_PORT: port, DB_USER: user, DB_PASSWORD: password, DB_NAME: database } = config
  if (isGiven('DB_HOST')) {
    const answer = withDatabase(config, (pool) => pool.query('select 1'))
    await requireAnswer('DB_HOST', answer)
    const address = `${DB_HOST}:${port}`
    say(`DB_HOST is set: the Postgres at ${address} is used.`)
    return { name: 'Postgres', address, env: {} }
  }
  const changePortWith = `\`DB_PORT=${another(port)} npm run demo\``
  await requireFreePort(port, 'Postgres', changePortWith)
  const own = {
    port,
    changePortWith,
    dataDir: join(dataDir, 'postgres'),
    user,
    password,
    database,
    say,
    signal,
  }
  const start = () =>
    startPostgres(own).catch((error: unknown) => {
      // Kept data accepts only the user and the password of its first start.
      throw databaseMistake(error, config) ?? error
    })
  const env = { DB_HOST: 'localhost', DB_PORT: String(port), DB_SSLMODE: 'disable' }
  return { name: 'Postgres', address: `localhost:${port}`, env, start }
}

async function requireAnswer(variable: string, answer: Promise<unknown>): Promise<void> {
  await answer.catch((cause: unknown) => {
    if (!(cause instanceof UserError)) throw cause
    const why = `${variable} is set, so the demo uses what is there; without ${variable} it starts its own.`
    throw new UserError(`${cause.message}\n${why}`, { cause })
  })
}

async function stop({ process }: DemoServer): Promise<void> {
  // The demo promises to end within ten seconds, and the servers survive SIGKILL.
  const timer = setTimeout(() => process?.kill('SIGKILL'), STOP_MS)
  await process?.stop()
  clearTimeout(timer)
}

const another = (port: number) => (port < 50_000 ? port + 10_000 : port - 10_000)
