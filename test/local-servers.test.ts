import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { loadKafkajs } from '../kafka/client.ts'
import type { ITopicConfig } from 'kafkajs'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { freePort, requireFreePort, temporaryDirectory } from '../local/host-resources.ts'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import type { LocalServer } from '../local/local-server.ts'
import { startPostgres, type Login } from '../local/postgres.ts'
import { UserError } from '../telemetry/user-error.ts'
import { readConfig } from '../pipeline/config.ts'

const { KAFKA_HOME: kafkaHome } = readConfig()
const { ConfigResourceTypes, Kafka, logLevel } = loadKafkajs()
const say = () => {}
const flow = { user: 'flow', password: 'flow', database: 'flow_results' }

const client = ({ bootstrap }: LocalKafka) =>
  new Kafka({
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    // For longer than a cluster takes to do without a broker.
    retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 200 },
  })

async function createTopic(kafka: LocalKafka, topic: ITopicConfig): Promise<void> {
  const admin = client(kafka).admin()
  await admin.connect()
  await admin.createTopics({ topics: [topic], waitForLeaders: false })
  await admin.disconnect()
}

/** The number of replicas of each partition, and the topic's min.insync.replicas. */
async function replication(kafka: LocalKafka, topic: string) {
  const admin = client(kafka).admin()
  try {
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['min.insync.replicas'] }]
    const described = await admin.describeConfigs({ resources, includeSynonyms: false })
    return {
      replicas: topics[0]?.partitions.map(({ replicas }) => replicas.length),
      inSync: described.resources[0]?.configEntries[0]?.configValue,
    }
  } finally {
    await admin.disconnect()
  }
}

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
  await createTopic(kafka, { topic: 'kept', numPartitions: 1 })
  await send(kafka, 'before')
  const [broker] = kafka.brokers as [LocalServer]
  const killed = broker.pid
  broker.kill('SIGKILL')
  expect(await broker.exited).toEqual({ code: null, signal: 'SIGKILL' })
  await broker.restart()
  expect(broker.pid).not.toBe(killed)
  await send(kafka, 'after')
  expect(await consume(kafka, 2)).toEqual(['before', 'after'])
  await broker.stop()
  await requireFreePort(port, 'this test')
})

test('three brokers keep three replicas, and each can be killed or stopped and started again', async () => {
  await using data = await temporaryDirectory()
  const port = await freePort(3)
  await using kafka = await startKafka({ port, brokers: 3, dataDir: data.path, kafkaHome, say })
  expect(kafka.bootstrap).toBe([port, port + 1, port + 2].map((each) => `127.0.0.1:${each}`).join(','))
  await createTopic(kafka, { topic: 'kept', numPartitions: 3 })
  // Each broker learns of a new topic with some delay.
  const describe = () => replication(kafka, 'kept')
  await expect.poll(describe, { timeout: 20_000 }).toEqual({ replicas: [3, 3, 3], inSync: '2' })
  await send(kafka, 'with three')
  const [first, second] = kafka.brokers as [LocalServer, LocalServer, LocalServer]
  first.kill('SIGKILL')
  await first.exited
  await send(kafka, 'with two')
  await first.restart()
  await second.stop()
  await send(kafka, 'with another two')
  await second.restart()
  expect((await consume(kafka, 3)).toSorted()).toEqual(['with another two', 'with three', 'with two'])
})

test('Postgres keeps its commits when it is killed by SIGKILL, and leaves nothing when it is stopped', async () => {
  await using data = await temporaryDirectory()
  const dataDir = join(data.path, 'a path with spaces')
  const port = await freePort()
  await using postgres = await startPostgres({ port, dataDir, ...flow })
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
  await using postgres = await startPostgres({ port: await freePort(), dataDir: data.path, ...flow })
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
  const options = { port: await freePort(), dataDir: data.path, ...flow }
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
  })
  const dataDir = join(data.path, 'two')
  const refused = startKafka({ port: postgres.port, dataDir, kafkaHome, say })
  await expect(refused).rejects.toThrow(UserError)
  await expect(refused).rejects.toThrow('meant for Kafka, is taken')
  expect(existsSync(dataDir)).toBe(false)
})
