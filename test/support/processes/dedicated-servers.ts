import { join } from 'node:path'
import { freePort, temporaryDirectory } from '../../../local/host-resources.ts'
import { startKafka, type KafkaOptions } from '../../../local/kafka.ts'
import type { LocalServer } from '../../../local/local-server.ts'
import { startPostgres, type LocalPostgres } from '../../../local/postgres.ts'
import { readConfig } from '../../../pipeline/config.ts'

/** A Kafka and a Postgres that a test or benchmark may stop or kill. Their data is deleted at the end. */
export interface DedicatedServers extends AsyncDisposable {
  /** The first broker. */
  readonly kafka: LocalServer
  readonly brokers: readonly LocalServer[]
  readonly postgres: LocalPostgres
  /** Where Kafka keeps its records. */
  readonly kafkaDirectory: string
  /** The settings with which a process of the pipeline connects to them. */
  readonly env: Readonly<Record<string, string>>
}

const login = { user: 'flow', password: 'flow', database: 'flow_results' }
const say = () => {}

export interface DedicatedServersOptions extends Pick<KafkaOptions, 'proxyPorts'> {
  /** One, or three with three replicas of every topic. */
  readonly brokers?: number
  /** Called with the directory of Kafka's data before it starts. What it returns is disposed of when Kafka has stopped. */
  readonly prepare?: (kafkaDirectory: string) => Promise<AsyncDisposable | undefined>
}

export async function startDedicatedServers(options: DedicatedServersOptions = {}): Promise<DedicatedServers> {
  const { brokers = 1, proxyPorts, prepare } = options
  await using starting = new AsyncDisposableStack()
  const data = starting.use(await temporaryDirectory())
  const kafkaDirectory = join(data.path, 'kafka')
  starting.use(await prepare?.(kafkaDirectory))
  const { KAFKA_HOME: kafkaHome } = readConfig()
  const [kafkaPort, postgresPort] = [await freePort(2 * brokers), await freePort()]
  const cluster = starting.use(
    await startKafka({ brokers, port: kafkaPort, dataDir: kafkaDirectory, kafkaHome, say, proxyPorts }),
  )
  const postgres = starting.use(await startPostgres({ port: postgresPort, dataDir: join(data.path, 'postgres'), ...login }))
  const running = starting.move()
  return {
    kafka: cluster.brokers[0]!,
    brokers: cluster.brokers,
    postgres,
    kafkaDirectory,
    env: serverEnvironment(cluster.bootstrap, postgres),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function serverEnvironment(bootstrap: string, postgres: LocalPostgres): Record<string, string> {
  return {
    BOOTSTRAP_SERVERS: bootstrap,
    KAFKA_SECURITY_PROTOCOL: '',
    DATABASE_URL: '',
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
