import { Kafka, logLevel } from 'kafkajs'
import { Pool } from 'pg'
import { composeOn, freePorts, keepLogs, type Compose, type Door } from './compose.ts'

export interface RunningStack extends AsyncDisposable {
  readonly compose: Compose
  readonly ports: Readonly<Record<Door, number>>
  /** Rows, as the pipeline's own role. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** Posts bodies on `start` from this machine, as somebody with any Kafka client: no headers. */
  post(...bodies: readonly string[]): Promise<void>
}

/** The stack from its own file, built and healthy. Disposing takes it away, with its volumes, and keeps its logs. */
export async function startStack(): Promise<RunningStack> {
  const ports = await freePorts()
  const compose = await composeOn(ports)
  await using starting = new AsyncDisposableStack()
  starting.defer(async () => void (await compose('down', '--volumes', '--timeout', '30')))
  starting.defer(() => keepLogs(compose))
  await compose('down', '--volumes')
  await compose('up', '--detach', '--build', '--wait', '--wait-timeout', '600')
  const login = { user: 'flow', password: 'flow', database: 'flow_results' }
  const pool = new Pool({ host: '127.0.0.1', port: ports.POSTGRES, ...login, max: 2 })
  // The stack is stopped and started again under it; the next question says what is wrong.
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
  const kafka = new Kafka({ brokers: [`localhost:${port}`], logLevel: logLevel.ERROR })
  const producer = kafka.producer()
  await producer.connect()
  try {
    await producer.send({ topic: 'start', messages: bodies.map((value) => ({ value })) })
  } finally {
    await producer.disconnect()
  }
}
