import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Child } from '../local/child-process.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { select } from '../sql/database.ts'
import { pipeline as stages } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { serveLocally } from './support/processes/local-http-server.ts'
import { hasOpenssl, login, startSecureServers, type SecureServers } from './support/processes/secure-servers.ts'
import { throughline } from './support/processes/throughline-cli.ts'

const planted = {
  headers: 'planted-otlp',
  role: 'planted-role',
  url: 'planted-url',
  wrong: 'planted-wrong',
  unused: 'planted-unused',
} as const
/** Of other ways to log in, and of other services in the same `.env`. */
const unused = [
  'DB_PASSWORD',
  'PGWEB_DB_PASSWORD',
  'GRAFANA_ADMIN_PASSWORD',
  'KAFKA_UI_PASSWORD',
  'GF_SMTP_PASSWORD',
  'ALERT_WEBHOOK_TOKEN',
  'ALERT_SLACK_URL',
]
const secrets: readonly string[] = [login.password, ...Object.values(planted)]
/** A secret as it is, as it is in a URL, and as it is in a header. */
const forms = secrets.flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  base64(secret),
  base64(`${login.user}:${secret}`),
  base64(`\0${login.user}\0${secret}`),
])

function base64(text: string): string {
  return btoa(text).replace(/=+$/, '')
}

/** All that processes have shown: the place, and the text. */
const shown: [place: string, text: string][] = []
const places = () => shown.filter(([, text]) => forms.some((form) => text.includes(form))).map(([place]) => place)
const wait = { timeout: 240_000, interval: 200 }

/** Refuses what it gets, and repeats all headers in the answer, as a debugging proxy does; accepts traces once `accepts` is set. */
async function startEcho() {
  const echo = { accepts: false, exports: 0 }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request)
    shown.push(['trace', body.toString('latin1')])
    if (echo.accepts) echo.exports += 1
    response.statusMessage = JSON.stringify(request.headers['authorization'] ?? 'none')
    response.writeHead(echo.accepts ? 200 : 401, { 'content-type': 'application/x-protobuf' })
    response.end(echo.accepts ? undefined : JSON.stringify(request.headers))
  }
  const server = await serveLocally((request, response) => void answer(request, response))
  return Object.assign(server, { echo })
}

async function start(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Child & { lines: string[] }> {
  const name = args.join(' ')
  const lines: string[] = []
  const onLine = (line: string) => {
    lines.push(line)
    shown.push([`log of ${name}`, line])
  }
  const whole = childEnvironment({ ...env, LOG_LEVEL: 'trace', METRICS_PORT: '0' })
  return Object.assign(await startThroughline({ name, args, env: whole, onLine }), { lines })
}

async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number | undefined> {
  const { code, stdout, stderr } = await throughline(args, { env: { ...env, LOG_LEVEL: 'trace' } })
  shown.push([`output of ${args[0]}`, stdout + stderr])
  return code
}

/** What every user of the machine, and Prometheus, can see of a process. */
async function look({ name, pid, lines }: Child & { lines: string[] }): Promise<void> {
  if (process.platform === 'linux') {
    for (const file of ['cmdline', 'comm'])
      shown.push([`${file} of ${name}`, await readFile(`/proc/${pid}/${file}`, 'utf8')])
  }
  const [, port] = /answer on port (\d+)/.exec(lines.join('\n')) ?? []
  shown.push([`metrics of ${name}`, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()])
}

const longRunning = [...stages.map(({ name }) => ['run', name]), ['generator'], ['monitor'], ['tracer']]

describe.skipIf(!hasOpenssl)('planted secrets (skipped without OpenSSL 3)', () => {
  const running = new AsyncDisposableStack()
  let servers: SecureServers
  let pipeline: FreshPipeline
  let otlp: Awaited<ReturnType<typeof startEcho>>
  let env: Readonly<Record<string, string>>
  beforeAll(async () => {
    servers = running.use(await startSecureServers())
    otlp = running.use(await startEcho())
    const { ca } = servers.certificates
    const address = `localhost:${servers.postgres.port}`
    const kafka = {
      BOOTSTRAP_SERVERS: servers.saslSsl,
      KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
      KAFKA_SASL_MECHANISM: 'PLAIN',
      KAFKA_SASL_USERNAME: login.user,
      KAFKA_SASL_PASSWORD: login.password,
      KAFKA_SSL_CA_FILE: ca,
    }
    const DATABASE_URL = `postgresql://${login.user}:${encodeURIComponent(login.password)}@${address}?sslmode=verify-full&sslrootcert=${ca}`
    pipeline = running.use(await freshPipeline({ ...kafka, DATABASE_URL }))
    const url = otlp.origin.replace('://', `://admin:${planted.url}@`)
    const observers = { PROMETHEUS_URL: url, TEMPO_URL: url, GRAFANA_URL: url, ALERTS_URL: `${url}/alerts` }
    env = {
      ...pipeline.env,
      ...observers,
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp.origin,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${planted.headers}`,
      GRAFANA_DB_PASSWORD: planted.role,
      ...Object.fromEntries(unused.map((name) => [name, planted.unused])),
      RATE: '5',
    }
  })
  afterAll(() => running.disposeAsync())

  test('no log, page, title, trace or output has one while everything works', async () => {
    expect(await run(['migrate'], env)).toBe(0)
    const processes = await Promise.all(longRunning.map(async (args) => running.use(await start(args, env))))
    const failed = () => processes.at(-1)?.lines.some((line) => line.includes('Trying again'))
    await expect.poll(failed, wait).toBe(true)
    otlp.echo.accepts = true
    await expect.poll(() => otlp.echo.exports, wait).toBeGreaterThan(0)
    for (const child of processes) await look(child)
    for (const command of [['status'], ['doctor'], ['dead-letters'], ['alerts'], ['submit', '{"numbers":[1]}']]) {
      expect([0, 1]).toContain(await run(command, env))
    }
    const queries = await select<{ query: string }>(pipeline.database, 'select query from pg_stat_activity')
    shown.push(['log of Postgres', servers.postgres.outputTail()])
    shown.push(['pg_stat_activity', queries.map(({ query }) => query).join('\n')])
    await Promise.all(processes.map((child) => child.stop()))
    expect(shown.length).toBeGreaterThan(100)
    expect(places()).toEqual([])
    shown.push(['this test', `Basic ${btoa(`${login.user}:${login.password}`)}`])
    expect(places()).toEqual(['this test'])
    shown.pop()
  })

  const wrong = planted.wrong
  const mistakes: [string, () => Record<string, string>][] = [
    ['Kafka by PLAIN', () => ({ KAFKA_SASL_PASSWORD: wrong })],
    ['Kafka by SCRAM', () => ({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', KAFKA_SASL_PASSWORD: wrong })],
    [
      'a token server that repeats the request',
      () => ({
        KAFKA_SASL_MECHANISM: 'OAUTHBEARER',
        KAFKA_OAUTH_TOKEN_URL: `${otlp.origin}/token`,
        KAFKA_SASL_PASSWORD: wrong,
      }),
    ],
    ['Postgres', () => ({ DATABASE_URL: (env['DATABASE_URL'] ?? '').replace(/:[^:]*@/, `:${wrong}@`) })],
  ]

  test.each(mistakes)('nor has a message about a wrong password: %s', async (_, changes) => {
    otlp.echo.accepts = false
    const changed = { ...env, ...changes() }
    for (const command of ['status', 'migrate', 'doctor']) expect([1, 2]).toContain(await run([command], changed))
    const kinds = [['run', 'add'], ['generator'], ['monitor'], ['tracer']]
    const processes = await Promise.all(kinds.map((args) => start(args, changed)))
    for (const { lines } of processes)
      await expect.poll(() => lines.some((line) => /refuses the login/.test(line)), wait).toBe(true)
    for (const child of processes) await look(child)
    await Promise.all(processes.map((child) => child.stop()))
    expect(places()).toEqual([])
  })
})
