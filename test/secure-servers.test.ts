import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort, temporaryDirectory } from '../local/host-resources.ts'
import { createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { readConfig } from '../pipeline/config.ts'
import { select } from '../sql/database.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { startProbed } from './support/processes/probed-process.ts'
import { hasOpenssl, login, startSecureServers, type SecureServers } from './support/processes/secure-servers.ts'
import { runThroughline, throughline } from './support/processes/throughline-cli.ts'
import { startTokenServer } from './support/processes/token-server.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

describe.skipIf(!hasOpenssl)('with TLS and logins (skipped without OpenSSL 3)', () => {
  let servers: SecureServers
  let pipeline: FreshPipeline
  beforeAll(async () => {
    servers = await startSecureServers()
    pipeline = await freshPipeline({ ...kafka(), DATABASE_URL: databaseUrl() })
  })
  afterAll(async () => {
    await pipeline[Symbol.asyncDispose]()
    await servers[Symbol.asyncDispose]()
  })

  const scram = {
    KAFKA_SECURITY_PROTOCOL: 'SASL_SSL',
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: login.user,
    KAFKA_SASL_PASSWORD: login.password,
  }
  const kafka = () => ({ BOOTSTRAP_SERVERS: servers.saslSsl, ...scram, KAFKA_SSL_CA_FILE: servers.certificates.ca })
  const databaseUrl = ({ host = 'localhost', password = login.password, ca = servers.certificates.ca } = {}) =>
    `postgresql://${login.user}:${encodeURIComponent(password)}@${host}:${servers.postgres.port}?sslmode=verify-full&sslrootcert=${ca}`
  const isShown = (text: string) =>
    [login.password, encodeURIComponent(login.password)].some((secret) => text.includes(secret))

  test('messages go through all stages by SASL_SSL with SCRAM-SHA-512, and by verify-full', async () => {
    await using _stages = runStages(pipeline)
    await using monitor = runFastMonitor(pipeline)
    expect(await runThroughline(['migrate'], pipeline.env)).toMatch(/^Nothing to do/)
    await runThroughline(['generator', '--messages', '20'], pipeline.env)
    const wait = { timeout: 240_000, interval: 100 }
    const finished = () => select<{ count: string }>(pipeline.database, 'select count(*) from finished')
    await expect.poll(finished, wait).toEqual([{ count: '20' }])
    await expect.poll(() => monitor.gauge('throughline_verdict', { stage: 'square-root' }), wait).toBe(0)
    const encrypted = `
      select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where datname = current_database()`
    expect(await select(pipeline.database, encrypted)).toEqual([{ ssl: true }])
    expect(await runThroughline(['status'], pipeline.env)).toContain('finished 20')
  })

  const mistakes: [string, () => Record<string, string>, RegExp][] = [
    [
      'a wrong password of Kafka',
      () => ({ KAFKA_SASL_PASSWORD: 'wrong' }),
      /refuses the login .*: set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
    ],
    [
      'a wrong CA of Kafka',
      () => ({ KAFKA_SSL_CA_FILE: servers.certificates.otherCa }),
      /certificate of an unknown authority .*: set KAFKA_SSL_CA_FILE/,
    ],
    [
      'a wrong host name of Kafka',
      () => ({ BOOTSTRAP_SERVERS: servers.saslSsl.replace('localhost', '127.0.0.1') }),
      /certificate for other host names .*: use one of them in BOOTSTRAP_SERVERS/,
    ],
    [
      'a wrong password of Postgres',
      () => ({ DATABASE_URL: databaseUrl({ password: 'wrong' }) }),
      /refuses the login .*: set DB_USER and DB_PASSWORD, or DATABASE_URL/,
    ],
    [
      'a wrong CA of Postgres',
      () => ({ DATABASE_URL: databaseUrl({ ca: servers.certificates.otherCa }) }),
      /certificate of an unknown authority .*: set DB_SSLROOTCERT/,
    ],
    [
      'a wrong host name of Postgres',
      () => ({ DATABASE_URL: databaseUrl({ host: '127.0.0.1' }) }),
      /certificate for other host names .*: use one of them in DB_HOST or DATABASE_URL/,
    ],
  ]

  test.each(mistakes)('%s is a sentence that names the setting', async (_, changes, sentence) => {
    const env = { ...pipeline.env, ...changes() }
    for (const command of ['status', 'migrate']) {
      const { code, stdout, stderr } = await throughline([command], { env })
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/^(Kafka|Postgres) at \S+ .*\.\n$/)
      expect(stderr).toMatch(sentence)
      expect(isShown(stderr)).toBe(false)
    }
    await using stage = await startProbed(['run', 'add'], env)
    await expect.poll(() => stage.logged(sentence), { timeout: 240_000 }).toHaveLength(1)
    expect(await stage.probes()).toEqual([200, 503])
    expect(isShown(stage.logged(/./).join('\n'))).toBe(false)
  })

  const none = { KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' }
  const ways: [string, () => Record<string, string>][] = [
    ['SASL_SSL and PLAIN', () => ({ KAFKA_SASL_MECHANISM: 'PLAIN' })],
    ['SASL_SSL and SCRAM-SHA-256', () => ({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256' })],
    [
      'SASL_PLAINTEXT',
      () => ({
        BOOTSTRAP_SERVERS: servers.saslPlaintext,
        KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT',
        KAFKA_SASL_MECHANISM: 'PLAIN',
        KAFKA_SSL_CA_FILE: '',
      }),
    ],
    [
      'SSL and a certificate of the client',
      () => ({
        ...none,
        BOOTSTRAP_SERVERS: servers.ssl,
        KAFKA_SECURITY_PROTOCOL: 'SSL',
        KAFKA_SSL_CERT_FILE: servers.certificates.client,
        KAFKA_SSL_KEY_FILE: servers.certificates.clientKey,
      }),
    ],
  ]

  test.each(ways)('%s reaches the broker', async (_, changes) => {
    expect(await runThroughline(['status'], { ...pipeline.env, ...changes() })).toMatch(/square-root +OK/)
  })

  test('a listener that is reached in the wrong way is a sentence that names the setting', async () => {
    const type = (changes: Record<string, string>) => throughline(['status'], { env: { ...pipeline.env, ...changes } })
    const plaintext = { ...none, KAFKA_SSL_CA_FILE: '', KAFKA_SECURITY_PROTOCOL: '' }
    const tls = { ...none, KAFKA_SECURITY_PROTOCOL: 'SSL' }
    const closed = /closes the connection: set KAFKA_SECURITY_PROTOCOL to that of the port/
    for (const changes of [plaintext, tls]) expect((await type(changes)).stderr).toMatch(closed)
    expect((await type({ ...plaintext, BOOTSTRAP_SERVERS: servers.saslPlaintext })).stderr).toMatch(closed)
    expect((await type({ BOOTSTRAP_SERVERS: servers.saslPlaintext })).stderr).toMatch(closed)
    const uncertified = await type({ ...tls, BOOTSTRAP_SERVERS: servers.ssl })
    expect(uncertified.stderr).toMatch(
      /refuses the certificate of this client: set KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE/,
    )
    const other = { KAFKA_SECURITY_PROTOCOL: 'SASL_PLAINTEXT', KAFKA_SSL_CA_FILE: '' }
    expect((await type({ ...other, BOOTSTRAP_SERVERS: servers.saslPlaintext })).stderr).toMatch(/set KAFKA_SASL_MECHANISM/)
    const loginless = await type({ ...other, BOOTSTRAP_SERVERS: servers.plaintext })
    expect(loginless.stderr).toMatch(/expects no login here: set KAFKA_SECURITY_PROTOCOL/)
  })

  test('OAUTHBEARER gets a token by client credentials, once for all connections', async () => {
    await using tokens = await startTokenServer(login.user, login.password)
    const oauth = { ...pipeline.env, KAFKA_SASL_MECHANISM: 'OAUTHBEARER', KAFKA_OAUTH_TOKEN_URL: tokens.url }
    expect(await runThroughline(['status'], oauth)).toMatch(/square-root +OK/)
    expect(tokens.given()).toBe(1)
    const wrong = await throughline(['status'], { env: { ...oauth, KAFKA_SASL_PASSWORD: 'wrong' } })
    expect(wrong.stderr).toMatch(
      /refuses the login \(The token server .* 401\): set KAFKA_OAUTH_TOKEN_URL, .*KAFKA_SASL_PASSWORD/,
    )
    const away = { ...oauth, KAFKA_OAUTH_TOKEN_URL: `http://127.0.0.1:${await freePort()}/token` }
    const { code, stderr } = await throughline(['status'], { env: away })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^The token server cannot be reached: .*: set KAFKA_OAUTH_TOKEN_URL\.\n$/)
  })

  test('a renewed CA file is used by the next connection', async () => {
    await using data = await temporaryDirectory()
    const file = join(data.path, 'ca.pem')
    await copyFile(servers.certificates.otherCa, file)
    const settings = kafkaSettings(readConfig({ ...pipeline.env, KAFKA_SSL_CA_FILE: file }), 'test')
    const admin = createKafka(settings, pipeline.log).admin()
    await expect(admin.connect()).rejects.toThrow('unable to verify the first certificate')
    await copyFile(servers.certificates.ca, file)
    await admin.connect()
    await admin.disconnect()
  })
})
