import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { examine, type ExamineOptions } from '../cli/commands/doctor.ts'
import type { Finding } from '../cli/doctor/finding.ts'
import { loadKafkajs, type Admin } from '../kafka/client.ts'
import { createTopics } from '../kafka/topics.ts'
import { freePort } from '../local/host-resources.ts'
import { alertsRoute } from '../monitor/alerts-route.ts'
import type { Config } from '../pipeline/config.ts'
import { topicPlan } from '../pipeline/route.ts'
import { createHealth } from '../telemetry/health.ts'
import { serveHttp } from '../telemetry/http.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { runTracer } from '../telemetry/tracer/tracer.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'
import { startFakeObservability, type FakeObservability } from './support/telemetry/fake-observability.ts'
import { startOtlpReceiver, type OtlpReceiver } from './support/telemetry/otlp-receiver.ts'

const running = new AsyncDisposableStack()
let pipeline: FreshPipeline
let receiver: OtlpReceiver
let urls: Pick<Config, 'PROMETHEUS_URL' | 'TEMPO_URL' | 'GRAFANA_URL'> & { ALERTS_URL: string }
let config: Config
let fake: FakeObservability

beforeAll(async () => {
  pipeline = running.use(await freshPipeline())
  receiver = running.use(await startOtlpReceiver())
  for (const name of ['BOOTSTRAP_SERVERS', 'DB_HOST'] as const) vi.stubEnv(name, pipeline.env[name])
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.endpoint)
  running.use(runStages(pipeline))
  running.use(runFastMonitor(pipeline))
  startTracer()
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  const { log } = pipeline
  const routes = [alertsRoute({ database: pipeline.database, metrics, log })]
  const monitor = running.use(await serveHttp({ host: '127.0.0.1', port: 0, health: createHealth(), metrics, log, routes }))
  const address = `127.0.0.1:${monitor.port}`
  fake = running.use(await startFakeObservability(receiver, address))
  urls = { PROMETHEUS_URL: fake.url, TEMPO_URL: fake.url, GRAFANA_URL: fake.url, ALERTS_URL: `http://${address}/alerts` }
  config = { ...pipeline.config, ...urls }
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await running.disposeAsync()
})

function startTracer(): void {
  const stopping = new AbortController()
  const metrics = createMetrics({ stage: 'tracer', position: 7 })
  const ended = runTracer({ config: pipeline.config, log: pipeline.log, health: createHealth(), metrics }, stopping.signal)
  running.defer(async () => {
    stopping.abort()
    await ended
  })
}

async function findings(changes: Partial<Config> = {}, options: ExamineOptions = {}): Promise<Finding[]> {
  return await Array.fromAsync(examine({ ...config, ...changes }, { timeoutMs: 1000, ...options }))
}

const problems = (all: readonly Finding[]) => all.filter(({ status }) => status !== 'pass')

async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  await using opened = new AsyncDisposableStack()
  const admin = opened.adopt(pipeline.kafka.admin(), (one) => one.disconnect())
  await admin.connect()
  return await work(admin)
}

const topicsLike = async (start: string) => {
  return (await withAdmin((admin) => admin.listTopics())).filter((name) => name.startsWith(config.TOPIC_PREFIX + start))
}

test('on a fresh pipeline every check passes, and nothing is left behind', async () => {
  await vi
    .waitUntil(async () => problems(await findings()).length === 0, { timeout: 120_000, interval: 500 })
    .catch(() => {})
  const all = await findings()
  expect(problems(all)).toEqual([])
  expect(all.map(({ check }) => check)).toEqual([
    'node',
    'kafka',
    'topics',
    'partitions',
    'settings',
    'replication',
    'groups',
    'lag',
    'broker-clock',
    'postgres',
    'migrations',
    'postgres-clock',
    'partitions-ahead',
    'monitor',
    'prometheus',
    'grafana',
    'data-sources',
    'data-sources',
    'data-sources',
    'trace',
    'alert-receiver',
  ])
  expect(await topicsLike('doctor')).toEqual([])
  const { rows } = await pipeline.database.query(
    'select (select count(*) from alert_notifications) + (select count(*) from results) as rows',
  )
  expect(rows).toEqual([{ rows: '0' }])
})

test('as a command, it prints the same and ends with 0', async () => {
  const env = { ...pipeline.env, ...urls, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint }
  const { code, stdout, stderr } = await throughline(['doctor', '--json'], { env })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const all = JSON.parse(stdout) as Finding[]
  expect(all.length).toBe((await findings()).length)
  expect(Object.keys(all[0] ?? {})).toEqual(['check', 'status', 'message', 'remedy'])
})

test('the topic of a stage `doctor` is kept, and two runs at once do not disturb each other', async () => {
  const names = [`${config.TOPIC_PREFIX}doctor`]
  await withAdmin((admin) => createTopics(admin, { ...topicPlan(config), names }))
  const both = await Promise.all([findings(), findings()])
  expect(both.flatMap(problems)).toEqual([])
  expect(await topicsLike('doctor')).toEqual(names)
})

test('Kafka and Postgres are away: one failure each, that says what to do', async () => {
  const address = `127.0.0.1:${await freePort()}`
  const env = { BOOTSTRAP_SERVERS: address, DB_HOST: '127.0.0.1', DB_PORT: String(await freePort()) }
  const closed = `http://127.0.0.1:${await freePort()}`
  const away = { PROMETHEUS_URL: closed, TEMPO_URL: closed, GRAFANA_URL: closed }
  const { code, stdout } = await throughline(['doctor'], { env: { ...env, ...away } })
  expect(code).toBe(1)
  const lines = stdout.replaceAll('\n  ', ' ').split('\n')
  expect(lines.filter((line) => line.startsWith('✗'))).toEqual([
    expect.stringMatching(/^✗ kafka: Kafka at 127\.0\.0\.1:\d+ does not answer \(not checked: topics, .*\): start `npm/),
    expect.stringMatching(/^✗ postgres: Postgres at 127\.0\.0\.1:\d+ does not answer \(not checked: migr.*\): start `npm/),
  ])
  expect(lines.filter((line) => line.startsWith('!'))).toEqual([
    expect.stringMatching(/^! prometheus: .* is not running/),
    expect.stringMatching(/^! grafana: .* is not running/),
    expect.stringMatching(/^! trace: .* is not running/),
    expect.stringMatching(/^! alert-receiver: Nothing takes alerts at /),
  ])
  expect(lines.at(-2)).toBe('7 checks: 1 passed, 4 warnings, 2 failures.')
})

test('the alert receiver is away', async () => {
  const ALERTS_URL = `http://127.0.0.1:${await freePort()}/alerts`
  expect(problems(await findings({ ALERTS_URL }))).toMatchObject([
    { check: 'alert-receiver', status: 'failure', message: `Nothing takes alerts at ${ALERTS_URL}` },
  ])
})

test('without Prometheus, its data source is not asked', async () => {
  const PROMETHEUS_URL = `http://127.0.0.1:${await freePort()}`
  const all = await findings({ PROMETHEUS_URL })
  expect(problems(all)).toMatchObject([{ check: 'prometheus', status: 'warning' }])
  expect(all.filter(({ check }) => check === 'data-sources').length).toBe(2)
})

test('a trace is lost', async () => {
  fake.losesTraces = true
  const found = problems(await findings())
  fake.losesTraces = false
  expect(found).toMatchObject([
    { check: 'trace', status: 'failure', message: expect.stringMatching(/does not have its trace, \w{32}, after 1 s$/) },
  ])
})

test('the clock of this machine is wrong', async () => {
  const message = expect.stringMatching(/ is [45]\d{3} ms behind that of this machine/)
  expect(problems(await findings({}, { clock: () => Date.now() + 5000 }))).toMatchObject([
    { check: 'broker-clock', status: 'warning', message },
    { check: 'postgres-clock', status: 'warning', message },
  ])
})

test('topics have fewer partitions than TOPIC_PARTITIONS', async () => {
  vi.stubEnv('TOPIC_PARTITIONS', '5')
  const found = problems(await findings({ TOPIC_PARTITIONS: 5 }))
  vi.stubEnv('TOPIC_PARTITIONS', undefined)
  expect(found).toMatchObject([
    { check: 'partitions', status: 'failure', remedy: 'run `TOPIC_PARTITIONS=5 npx throughline migrate`' },
  ])
})

test('a topic is missing, others have wrong settings or partitions, no process runs, and tables are not ready', async () => {
  await using broken = await freshPipeline()
  const prefix = broken.config.TOPIC_PREFIX
  await withAdmin(async (admin) => {
    const { ConfigResourceTypes } = loadKafkajs()
    await admin.deleteTopics({ topics: [`${prefix}stage3`] })
    await admin.createPartitions({ topicPartitions: [{ topic: `${prefix}stage4`, count: 6 }] })
    const configEntries = [{ name: 'message.timestamp.type', value: 'CreateTime' }]
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: `${prefix}stage5`, configEntries }]
    await admin.alterConfigs({ validateOnly: false, resources })
  })
  await broken.database.query(`do $$ begin
    execute format('drop table %I', (select min(name) from day_partitions where day > (now() at time zone 'UTC')::date));
  end $$`)
  const own = { ...broken.config, ...urls }
  const byCheck = async () => new Map(problems(await findings(own)).map((finding) => [finding.check, finding]))
  const found = await byCheck()
  expect([...found.keys()]).toEqual(['topics', 'partitions', 'settings', 'groups', 'partitions-ahead', 'monitor'])
  expect(found.get('topics')?.message).toBe(`Kafka lacks 1 topic, ${prefix}stage3`)
  expect(found.get('partitions')?.message).toMatch(/^These topics have fewer than 6 partitions, /)
  expect(found.get('settings')?.message).toMatch(new RegExp(`^message.timestamp.type of ${prefix}stage5 is CreateTime, `))
  expect(found.get('groups')?.message).toBe('No process runs add, multiply, lcm, average, sine, square-root, tracer')
  expect(found.get('partitions-ahead')?.message).toMatch(/^Tomorrow's partition is missing/)
  await broken.database.query("delete from migrations where name = '002_partitions'")
  expect((await byCheck()).get('migrations')?.message).toMatch(/^The database lacks 002_partitions /)
  await broken.database.query(
    "insert into migrations (name, run_on) values ('002_partitions', now()), ('900_later', now())",
  )
  expect((await byCheck()).get('migrations')?.message).toMatch(/ not in sql\/migrations, 900_later$/)
})
