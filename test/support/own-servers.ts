import { join } from 'node:path'
import { freePort } from '../../local/free-port.ts'
import { startKafka, type LocalKafka } from '../../local/kafka.ts'
import { startPostgres, type LocalPostgres } from '../../local/postgres.ts'
import { throwAwayDirectory } from '../../local/throw-away-directory.ts'
import { readConfig } from '../../pipeline/config.ts'

/** A Kafka and a Postgres of one's own, to be maltreated. Their data goes with them. */
export interface OwnServers extends AsyncDisposable {
  readonly kafka: LocalKafka
  readonly postgres: LocalPostgres
  /** The variables that lead a process of the pipeline to them. */
  readonly env: Readonly<Record<string, string>>
}

const login = { user: 'flow', password: 'flow', database: 'flow_results' }
const say = () => {}

export async function startOwnServers(): Promise<OwnServers> {
  await using starting = new AsyncDisposableStack()
  const data = starting.use(await throwAwayDirectory())
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const [kafkaPort, postgresPort] = [await freePort(), await freePort()]
  const kafka = starting.use(
    await startKafka({ port: kafkaPort, dataDir: join(data.path, 'kafka'), kafkaHome, say }),
  )
  const postgres = starting.use(
    await startPostgres({ port: postgresPort, dataDir: join(data.path, 'postgres'), say, ...login }),
  )
  const running = starting.move()
  return {
    kafka,
    postgres,
    env: serverEnvironment(kafka, postgres),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function serverEnvironment(kafka: LocalKafka, postgres: LocalPostgres): Record<string, string> {
  return {
    BOOTSTRAP_SERVERS: kafka.bootstrap,
    DB_HOST: postgres.host,
    DB_PORT: String(postgres.port),
    DB_NAME: postgres.database,
    DB_USER: postgres.user,
    DB_PASSWORD: postgres.password,
    TOPIC_PREFIX: '',
    METRICS_PORT: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: '',
    // kafkajs has other pauses between its tries under a test runner.
    NODE_ENV: 'production',
  }
}
