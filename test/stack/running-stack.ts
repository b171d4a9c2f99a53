import { loadKafkajs } from '../../kafka/client.ts'
import { Pool } from 'pg'
import { createCompose, freePorts, saveLogs, type Compose, type PortName } from './docker-compose.ts'

export interface RunningStack extends AsyncDisposable {
  readonly compose: Compose
  readonly ports: Readonly<Record<PortName, number>>
  /** Queries Postgres with the pipeline's role. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Sends bodies without headers to `start` through the published port. */
  post(...bodies: readonly string[]): Promise<void>
}

/** Builds and starts the stack and waits until it is healthy. Disposing saves its logs and deletes it with its volumes. */
export async function startStack(): Promise<RunningStack> {
  const ports = await freePorts()
  const compose = await createCompose(ports)
  await using starting = new AsyncDisposableStack()
  starting.defer(async () => void (await compose('down', '--volumes', '--timeout', '30')))
  starting.defer(() => saveLogs(compose))
  await compose('down', '--volumes')
  await compose('up', '--detach', '--build', '--wait', '--wait-timeout', '600')
  const login = { user: 'flow', password: 'flow', database: 'flow_results' }
  const pool = new Pool({ host: '127.0.0.1', port: ports.POSTGRES, ...login, max: 2 })
  // A test restarts the stack; a lost connection fails at the next query.
  pool.on('error', () => {})
  starting.defer(() => pool.end())
  const running = starting.move()
  return {
    compose,
    ports,
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await pool.query<Row>(text, [...values])).rows,
    post: (...bodies) => post(ports.KAFKA, bodies),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

async function post(port: number, bodies: readonly string[]): Promise<void> {
  const { Kafka, logLevel } = loadKafkajs()
  const kafka = new Kafka({ brokers: [`localhost:${port}`], logLevel: logLevel.ERROR })
  const producer = kafka.producer()
  await producer.connect()
  try {
    await producer.send({ topic: 'start', messages: bodies.map((value) => ({ value })) })
  } finally {
    await producer.disconnect()
  }
}
