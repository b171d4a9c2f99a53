import { randomBytes } from 'node:crypto'
import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { loadKafkajs } from '../kafka/client.ts'
import { Client } from 'pg'
import { expect, inject, test } from 'vitest'
import { freePort } from '../local/host-resources.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { readConfig } from '../pipeline/config.ts'
import { routes, topicPlan } from '../pipeline/route.ts'
import { readTopicSettings } from '../kafka/topics.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { runStages } from './support/running-stages.ts'

/** A database of its own, empty, and the environment that leads to it. */
async function emptyDatabase() {
  const { host, port, user, password } = inject('postgres')
  const run = `t${randomBytes(4).toString('hex')}`
  const query = async (database: string, text: string) => {
    const client = new Client({ host, port, user, password, database })
    await client.connect()
    const { rows } = await client.query<Record<string, unknown>>(text)
    await client.end()
    return rows
  }
  await query('postgres', `create database ${run}`)
  const env = {
    BOOTSTRAP_SERVERS: inject('kafka'),
    TOPIC_PREFIX: `${run}.`,
    DB_HOST: host,
    DB_PORT: String(port),
    DB_USER: user,
    DB_PASSWORD: password,
    DB_NAME: run,
  }
  return { env, query: (text: string) => query(run, text) }
}

const namesInOrder = 'select name, topic from stages where is_current order by position'

test('ten at once: each thing is made once, none fails, and then there is nothing to do', async () => {
  const { env, query } = await emptyDatabase()
  const all = await Promise.all(Array.from({ length: 10 }, () => throughline(['migrate'], { env })))
  expect(all.map(({ code }) => code)).toEqual(all.map(() => 0))
  const said = all.map(({ stdout }) => stdout).join('')
  for (const topic of topicPlan(readConfig(env)).names)
    expect(said.split(`${topic},`).length + said.split(`${topic})`).length).toBe(3)
  expect(said.split('001_tables').length).toBe(2)
  const stages = catalogue.map(({ name, reads }) => ({ name, topic: `${env.TOPIC_PREFIX}${reads}` }))
  expect(await query(namesInOrder)).toEqual(stages)
  const again = await throughline(['migrate'], { env })
  expect(again).toMatchObject({ code: 0, stderr: '' })
  expect(again.stdout).toMatch(/^Nothing to do: all is up to date\.\nEach record is kept by 1 broker, .*\n$/)
})

test('a catalogue that was reordered, and has lost and won stages, is made right', async () => {
  const { env, query } = await emptyDatabase()
  await throughline(['migrate'], { env })
  const before = await query(namesInOrder)
  await query(`
    delete from stages where position = 3;
    update stages set position = -position;
    update stages set position = 7 + position, topic = 'elsewhere';
    insert into stages values ('gone', 7, 'gone')`)
  expect((await throughline(['migrate'], { env })).stdout).toMatch(/^New: the catalogue of stages\.\n/)
  expect(await query(namesInOrder)).toEqual(before)
})

test('TOPICS_AUTO_CREATE=false leaves the topics, and Kafka, alone', async () => {
  const { env } = await emptyDatabase()
  const alone = { ...env, TOPICS_AUTO_CREATE: 'false', BOOTSTRAP_SERVERS: 'localhost:1' }
  const { code, stdout } = await throughline(['migrate'], { env: alone })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^New: \d+ migrations \(.*\); the catalogue of stages\.\n$/)
})

test('topics keep records for as long as they are told; those that keep them for longer than rows are named', async () => {
  const { env } = await emptyDatabase()
  const short = { ...env, RETENTION: '1', TOPIC_RETENTION_HOURS: '14' }
  expect((await throughline(['migrate'], { env: short })).stdout).not.toContain('"level":"warn"')
  const { ConfigResourceTypes, Kafka, logLevel } = loadKafkajs()
  const kafka = new Kafka({ brokers: [env.BOOTSTRAP_SERVERS], logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const settings = await readTopicSettings(
    admin,
    routes(readConfig(env)).map(({ source }) => source),
  )
  expect(settings).toMatchObject(catalogue.map(() => ({ recordHours: 14 + 2, replicas: 1, minInSync: 1 })))
  const configEntries = [{ name: 'retention.ms', value: '-1' }]
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: `${env.TOPIC_PREFIX}stage3`, configEntries }]
  await admin.alterConfigs({ validateOnly: false, resources })
  await admin.disconnect()
  const { code, stdout } = await throughline(['migrate'], { env: short })
  expect(code).toBe(0)
  const warnings = stdout.split('\n').filter((line) => line.includes('"level":"warn"'))
  expect(warnings).toEqual([
    expect.stringMatching(/Records are kept for ever \(retention\.ms and segment\.ms of t\w+\.stage3\)/),
  ])
})

test('topics that exist get more partitions, also by several at once, and never fewer', async () => {
  const { env } = await emptyDatabase()
  await throughline(['migrate'], { env: { ...env, TOPIC_PARTITIONS: '2' } })
  // The default adds none.
  expect((await throughline(['migrate'], { env })).stdout).toMatch(/^Nothing to do: all is up to date\.\nEach record/)
  const more = { ...env, TOPIC_PARTITIONS: '5' }
  const all = await Promise.all([1, 2, 3].map(() => throughline(['migrate'], { env: more })))
  expect(all.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(all.map(({ stdout }) => stdout).join('')).toMatch(
    /New: 5 partitions for each of 8 topics \(.*start, .*dead-letter\)\./,
  )
  const { stdout } = await throughline(['migrate'], { env: { ...env, TOPIC_PARTITIONS: '3' } })
  expect(stdout).toMatch(/^Nothing to do: .*\nTOPIC_PARTITIONS is 3, and these topics keep .*: \S+start \(5\), .*\.\n/)
})

test('partitions that are added while stages run are read, and no message is lost', async () => {
  await using pipeline = await freshPipeline({ TOPIC_PARTITIONS: '2' })
  await using _stages = runStages(pipeline)
  const env = { ...pipeline.env, TOPIC_PARTITIONS: '5' }
  await throughline(['generator', '--messages', '25'], { env })
  await throughline(['migrate'], { env })
  await throughline(['generator', '--messages', '40'], { env })
  const count = async () => (await pipeline.database.query('select from finished')).rowCount
  await expect.poll(count, { timeout: 240_000, interval: 200 }).toBe(65)
  const { rows } = await pipeline.database.query(
    "select distinct partition from results where stage = 'add' order by partition",
  )
  expect(rows.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4])
})

test('it waits for servers that are not up yet', async () => {
  const { env } = await emptyDatabase()
  const [postgres, kafka] = [await freePort(), await freePort()]
  const late = {
    ...env,
    DB_HOST: '127.0.0.1',
    DB_PORT: String(postgres),
    BOOTSTRAP_SERVERS: `127.0.0.1:${kafka}`,
  }
  let said = ''
  const onLine = (line: string) => (said += `${line}\n`)
  await using migrating = await startThroughline({ name: 'migrate', args: ['migrate'], env: late, onLine })
  const wait = { timeout: 240_000, interval: 50 }
  await expect.poll(() => said, wait).toContain('Connecting to Postgres failed')
  await using _postgres = await relay(postgres, env.DB_HOST, Number(env.DB_PORT))
  await expect.poll(() => said, wait).toContain('Creating the topics failed')
  const [host = '', port] = env.BOOTSTRAP_SERVERS.split(':')
  await using _kafka = await relay(kafka, host, Number(port))
  expect((await migrating.exited).code).toBe(0)
  expect(said).toMatch(/New: .*migrations.*topics.*catalogue/)
})

test('it does not wait where waiting cannot help', async () => {
  const { env } = await emptyDatabase()
  const { code, stderr } = await throughline(['migrate'], { env: { ...env, DB_NAME: 'nosuch' } })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(/^Postgres at .* has no database nosuch: .*\n$/),
  })
})

/** Passes on to a server what comes in at a port, as if the server listened there. */
async function relay(port: number, host: string, target: number): Promise<AsyncDisposable> {
  const server = createServer((incoming) => {
    const outgoing = connect(target, host)
    incoming.pipe(outgoing).pipe(incoming)
    for (const socket of [incoming, outgoing]) socket.on('error', () => socket.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}
