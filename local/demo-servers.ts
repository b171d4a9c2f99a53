import { join } from 'node:path'
import { databaseMistake } from '../cli/database-mistake.ts'
import { withDatabase } from '../cli/with-database.ts'
import { withKafka } from '../cli/with-kafka.ts'
import { type Config, isGiven } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { plannedWatchers } from './demo-watchers.ts'
import { requireFreePort } from './free-port.ts'
import { startKafka } from './kafka.ts'
import type { LocalServer } from './local-server.ts'
import { startPostgres } from './postgres.ts'

/** A server that the demo needs, or makes use of. */
export interface DemoServer {
  readonly name: string
  /** Where clients find it: "localhost:19092". */
  readonly address: string
  /** What its clients, our processes among them, need in their environment. */
  readonly env: Readonly<Record<string, string>>
  /** The process; undefined when the server was there before us. */
  readonly process: LocalServer | undefined
}

export interface DemoServers extends AsyncDisposable {
  readonly all: readonly DemoServer[]
}

export interface ServersOptions {
  /** What the environment says. */
  readonly config: Config
  readonly kafkaPort: number
  /** Where the monitor will answer. */
  readonly monitorPort: number
  /** Whether Prometheus, Tempo and Grafana are started where they are installed. */
  readonly watchers: boolean
  readonly dataDir: string
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

const STOP_MS = 3000

/**
 * Starts Kafka and Postgres, or finds those that BOOTSTRAP_SERVERS and DB_HOST name, and those that watch where
 * they are installed. Disposing stops the started ones.
 * @throws {UserError} when something that they need is missing; nothing runs then
 */
export async function startServers(options: ServersOptions): Promise<DemoServers> {
  const { kafkaPort, config } = options
  const startsKafka = !isGiven('BOOTSTRAP_SERVERS')
  const startsPostgres = !isGiven('DB_HOST')
  // All that can be known before anything is started: who has waited for Kafka should not hear of Postgres then.
  if (startsKafka) await requireFreePort(kafkaPort, 'Kafka', kafkaElsewhere(kafkaPort))
  if (startsPostgres) await requireFreePort(config.DB_PORT, 'Postgres', postgresElsewhere(config.DB_PORT))
  const watchers = await plannedWatchers(options)
  const found = {
    kafka: startsKafka ? undefined : await foundKafka(options),
    postgres: startsPostgres ? undefined : await foundPostgres(options),
  }
  const all: DemoServer[] = []
  await using starting = new AsyncDisposableStack()
  starting.defer(async () => void (await Promise.all(all.map(stop))))
  all.push(found.kafka ?? (await ownKafka(options)))
  all.push(found.postgres ?? (await ownPostgres(options)))
  for (const start of watchers) all.push(await start())
  const running = starting.move()
  return { all, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function ownKafka({ kafkaPort, config, dataDir, say, signal }: ServersOptions): Promise<DemoServer> {
  const process = await startKafka({
    port: kafkaPort,
    changePortWith: kafkaElsewhere(kafkaPort),
    dataDir: join(dataDir, 'kafka'),
    kafkaHome: config.KAFKA_HOME,
    say,
    signal,
  })
  const address = `localhost:${process.port}`
  say(`Kafka is up at ${address}.`)
  return { name: 'Kafka', address, env: { BOOTSTRAP_SERVERS: address, TOPICS_AUTO_CREATE: 'true' }, process }
}

async function foundKafka({ config, say }: ServersOptions): Promise<DemoServer> {
  const address = config.BOOTSTRAP_SERVERS.join(',')
  await answering(
    'BOOTSTRAP_SERVERS',
    withKafka(config, ({ admin }) => admin.listTopics()),
  )
  say(`BOOTSTRAP_SERVERS is set: the Kafka at ${address} is used.`)
  return { name: 'Kafka', address, env: {}, process: undefined }
}

async function ownPostgres({ config, dataDir, say, signal }: ServersOptions): Promise<DemoServer> {
  const { DB_PORT, DB_USER, DB_PASSWORD, DB_NAME } = config
  const process = await startPostgres({
    port: DB_PORT,
    changePortWith: postgresElsewhere(DB_PORT),
    dataDir: join(dataDir, 'postgres'),
    user: DB_USER,
    password: DB_PASSWORD,
    database: DB_NAME,
    say,
    signal,
  }).catch((error: unknown) => {
    // Data that was kept knows the user and the password of its first start only.
    throw databaseMistake(error, config) ?? error
  })
  const address = `localhost:${process.port}`
  say(`Postgres is up at ${address}.`)
  const env = { DB_HOST: 'localhost', DB_PORT: String(process.port), DB_SSLMODE: 'disable' }
  return { name: 'Postgres', address, env, process }
}

async function foundPostgres({ config, say }: ServersOptions): Promise<DemoServer> {
  const address = `${config.DB_HOST}:${config.DB_PORT}`
  await answering(
    'DB_HOST',
    withDatabase(config, (database) => database.query('select 1')),
  )
  say(`DB_HOST is set: the Postgres at ${address} is used.`)
  return { name: 'Postgres', address, env: {}, process: undefined }
}

async function answering(variable: string, answer: Promise<unknown>): Promise<void> {
  await answer.catch((cause: unknown) => {
    if (!(cause instanceof UserError)) throw cause
    const why = `${variable} is set, so the demo uses what is there; without ${variable} it starts its own.`
    throw new UserError(`${cause.message}\n${why}`, { cause })
  })
}

async function stop({ process }: DemoServer): Promise<void> {
  // What was promised to a person is more than a clean end: all of them survive this one, too.
  const late = setTimeout(() => process?.kill('SIGKILL'), STOP_MS)
  await process?.stop()
  clearTimeout(late)
}

const another = (port: number) => (port < 50_000 ? port + 10_000 : port - 10_000)
const kafkaElsewhere = (port: number) => `\`npm run demo -- --kafka-port ${another(port)}\``
const postgresElsewhere = (port: number) => `\`DB_PORT=${another(port)} npm run demo\``
