import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadKafkajs } from '../kafka/client.ts'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { freePort, requireFreePort, temporaryDirectory } from '../local/host-resources.ts'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { startPostgres, type Login } from '../local/postgres.ts'
import { UserError } from '../telemetry/user-error.ts'
import { readConfig } from '../pipeline/config.ts'

const { KAFKA_HOME: kafkaHome } = readConfig()
const { Kafka, logLevel } = loadKafkajs()
const say = () => {}
const flow = { user: 'flow', password: 'flow', database: 'flow_results' }

const client = ({ bootstrap }: LocalKafka) =>
  new Kafka({
    brokers: [bootstrap],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, maxRetryTime: 200 },
  })

async function send(kafka: LocalKafka, value: string): Promise<void> {
  const producer = client(kafka).producer()
  await producer.connect()
  await producer.send({ topic: 'kept', messages: [{ value }] })
  await producer.disconnect()
}

async function consume(kafka: LocalKafka, count: number): Promise<string[]> {
  const consumer = client(kafka).consumer({
    groupId: `reader-of-${count}`,
    sessionTimeout: 2000,
    heartbeatInterval: 500,
  })
  await consumer.connect()
  await consumer.subscribe({ topic: 'kept', fromBeginning: true })
  const values: string[] = []
  const all = Promise.withResolvers<void>()
  await consumer.run({
    eachMessage: async ({ message }) => {
      values.push(String(message.value))
      if (values.length === count) all.resolve()
    },
  })
  await all.promise
  await consumer.disconnect()
  return values
}

async function query(login: Login & { database: string }, sql: string): Promise<unknown[]> {
  const connection = new Client(login)
  await connection.connect()
  try {
    const { rows } = await connection.query({ text: sql, rowMode: 'array' })
    return rows.flat()
  } finally {
    await connection.end()
  }
}

test('Kafka keeps its records when it is killed by SIGKILL, and leaves nothing when it is stopped', async () => {
  await using data = await temporaryDirectory()
  const dataDir = join(data.path, 'a path, with spaces')
  const port = await freePort()
  await using kafka = await startKafka({ port, dataDir, kafkaHome, say })
  const admin = client(kafka).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] })
  await admin.disconnect()
  await send(kafka, 'before')
  const killed = kafka.pid
  kafka.kill('SIGKILL')
  expect(await kafka.exited).toEqual({ code: null, signal: 'SIGKILL' })
  await kafka.restart()
  expect(kafka.pid).not.toBe(killed)
  await send(kafka, 'after')
  expect(await consume(kafka, 2)).toEqual(['before', 'after'])
  await kafka.stop()
  await requireFreePort(port, 'this test')
})

test('Postgres keeps its commits when it is killed by SIGKILL, and leaves nothing when it is stopped', async () => {
  await using data = await temporaryDirectory()
  const dataDir = join(data.path, 'a path with spaces')
  const port = await freePort()
  await using postgres = await startPostgres({ port, dataDir, ...flow, say })
  await query(postgres, 'create table kept (value text)')
  await query(postgres, `insert into kept values ('before')`)
  postgres.kill('SIGKILL')
  await postgres.restart()
  await query(postgres, `insert into kept values ('after')`)
  expect(await query(postgres, 'select value from kept')).toEqual(['before', 'after'])
  await postgres.stop()
  await requireFreePort(port, 'this test')
  expect(existsSync(join(dataDir, 'cluster', 'postmaster.pid'))).toBe(false)
})

test('a frozen Postgres answers no query until it is resumed', async () => {
  await using data = await temporaryDirectory()
  await using postgres = await startPostgres({ port: await freePort(), dataDir: data.path, ...flow, say })
  const connection = new Client(postgres)
  await connection.connect()
  postgres.kill('SIGSTOP')
  let answered = false
  const answer = connection.query('select 1').then(() => (answered = true))
  const other = query(postgres, 'select 1').then(() => (answered = true))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(answered).toBe(false)
  postgres.kill('SIGCONT')
  await Promise.all([answer, other])
  await connection.end()
})

test('kept data is used again, and refuses another password', async () => {
  await using data = await temporaryDirectory()
  const options = { port: await freePort(), dataDir: data.path, ...flow, say }
  const first = await startPostgres(options)
  await query(first, 'create table kept ()')
  await first.stop()
  await expect(startPostgres({ ...options, password: 'other' })).rejects.toThrow('password authentication failed')
  await using second = await startPostgres(options)
  expect(await query(second, `select to_regclass('kept')::text`)).toEqual(['kept'])
})

test('an aborted start leaves no server behind', async () => {
  await using data = await temporaryDirectory()
  const port = await freePort()
  const signal = AbortSignal.timeout(300)
  await expect(startKafka({ port, dataDir: data.path, kafkaHome, say, signal })).rejects.toThrow('timeout')
  await requireFreePort(port, 'this test')
})

test('a taken port is refused before anything else happens', async () => {
  await using data = await temporaryDirectory()
  await using postgres = await startPostgres({
    port: await freePort(),
    dataDir: join(data.path, 'one'),
    ...flow,
    say,
  })
  const dataDir = join(data.path, 'two')
  const refused = startKafka({ port: postgres.port, changePortWith: 'KAFKA_PORT', dataDir, say })
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow('choose another port with KAFKA_PORT')
  expect(existsSync(dataDir)).toBe(false)
})
