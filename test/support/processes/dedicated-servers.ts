import { join } from 'node:path'
import { freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { startKafka, type LocalKafka } from '../../../local/kafka.ts'
import { startPostgres, type LocalPostgres } from '../../../local/postgres.ts'
import { readConfig } from '../../../pipeline/config.ts'

/** A Kafka and a Postgres that a test or benchmark may stop or kill. Their data is deleted at the end. */
export interface DedicatedServers extends AsyncDisposable {
  readonly kafka: LocalKafka
  readonly postgres: LocalPostgres
  /** The settings with which a process of the pipeline connects to them. */
  readonly env: Readonly<Record<string, string>>
}

const login = { user: 'flow', password: 'flow', database: 'flow_results' }
const say = () => {}

export async function startDedicatedServers(): Promise<DedicatedServers> {
  await using starting = new AsyncDisposableStack()
  const data = starting.use(await temporaryDirectory())
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const [kafkaPort, postgresPort] = [await freePort(), await freePort()]
  const kafka = starting.use(await startKafka({ port: kafkaPort, dataDir: join(data.path, 'kafka'), kafkaHome, say }))
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
    // kafkajs uses other retry delays when NODE_ENV is 'test'.
    NODE_ENV: 'production',
  }
}
