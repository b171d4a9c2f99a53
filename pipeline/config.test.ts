import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { exportsTraces, readConfig, settingNames, tracesProtocol } from './config.ts'
import { segmentHours } from '../kafka/settings.ts'
import { UserError } from '../telemetry/user-error.ts'

const complaintsAbout = (env: Record<string, string>): string => {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
  return 'no complaint'
}

test('an empty environment reaches the demo and compose from the host, with the seed’s defaults', () => {
  expect(readConfig({})).toMatchObject({
    BOOTSTRAP_SERVERS: ['localhost:19092'],
    DB_HOST: 'localhost',
    DB_PORT: 15_432,
    DB_NAME: 'flow_results',
    MESSAGE_MAX: 20,
    SLEEP_MAX: 10,
    COUNT_MIN: 3,
    NUMBERS_MAX: 100_000,
    NUMBERS_DECIMALS: 2,
  })
})

test('an empty variable counts as unset, as compose files write it', () => {
  expect(readConfig({ DB_PORT: '', RATE: ' ' })).toEqual(readConfig({}))
})

test('the settings are frozen', () => {
  expect(Object.isFrozen(readConfig({}))).toBe(true)
})

test('names every bad variable at once, with what was expected and what was found', () => {
  const complaints = complaintsAbout({
    DB_PORT: 'abc',
    LOG_LEVEL: 'loud',
    BOOTSTRAP_SERVERS: 'kafka',
    COUNT_MIN: '2.5',
    MESSAGE_MIN: '21',
  })
  expect(complaints.split('\n')).toEqual([
    'The environment has 5 bad settings:',
    '  BOOTSTRAP_SERVERS: expected host:port, or several with commas between, found "kafka"',
    '  DB_PORT: expected a whole number from 1 to 65535, found "abc"',
    '  COUNT_MIN: expected a whole number from 1 to 10000, found "2.5"',
    '  LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, found "loud"',
    '  MESSAGE_MIN: expected at most MESSAGE_MAX, which is 20, found "21"',
  ])
})

test.each([
  [{ MESSAGE_MIN: '30' }, 'MESSAGE_MIN: expected at most MESSAGE_MAX, which is 20, found "30"'],
  [{ SLEEP_MAX: '0.5' }, 'SLEEP_MIN: expected at most SLEEP_MAX, which is 0.5, found nothing'],
  [{ OTEL_TRACES_EXPORTER: 'console' }, 'OTEL_TRACES_EXPORTER: expected one of otlp, none, found "console"'],
  [{ DB_PORT: '65536' }, 'DB_PORT: expected a whole number from 1 to 65535, found "65536"'],
  [
    { NUMBERS_MIN: '1.1', NUMBERS_MAX: '1.2', NUMBERS_DECIMALS: '0' },
    'NUMBERS_DECIMALS: expected so many that there is a number from NUMBERS_MIN to NUMBERS_MAX, found "0"',
  ],
  [{ NUMBERS_DECIMALS: '15' }, 'NUMBERS_DECIMALS: expected so few that the numbers have at most 15 digits, found "15"'],
  [
    { RETENTION: '7' },
    'RETENTION: expected at least 8 days, for a row must outlive its record (TOPIC_RETENTION_HOURS is 168), found "7"',
  ],
  [
    { TOPIC_RETENTION_HOURS: '400' },
    'RETENTION: expected at least 18 days, for a row must outlive its record (TOPIC_RETENTION_HOURS is 400), found nothing',
  ],
  [
    { RETENTION: '1', TOPIC_RETENTION_HOURS: '22' },
    'RETENTION: expected at least 2 days, for a row must outlive its record (TOPIC_RETENTION_HOURS is 22), found "1"',
  ],
  [{ RETENTION: '0' }, 'RETENTION: expected a whole number from 1 to 36500, found "0"'],
  [
    { BOOTSTRAP_SERVERS: 'lab.servicebus.windows.net:9093' },
    'EVENTHUB_CONNECTIONSTRING: expected the connection string of the Event Hubs namespace, found nothing',
  ],
])('%o is refused', (env, complaint) => {
  expect(complaintsAbout(env)).toContain(complaint)
})

test('rows may be kept for as long as records at most, segments included, and for a day at least', () => {
  expect(readConfig({})).toMatchObject({ RETENTION: 14, TOPIC_RETENTION_HOURS: 168 })
  expect(readConfig({ RETENTION: '8' }).RETENTION).toBe(8)
  expect(readConfig({ RETENTION: '1', TOPIC_RETENTION_HOURS: '21' }).RETENTION).toBe(1)
  expect([1, 21, 168, 1000].map(segmentHours)).toEqual([1, 3, 24, 24])
})

test('traces are exported where an endpoint is set, unless they are disabled, in any spelling', () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' }
  expect(exportsTraces({ OTEL_EXPORTER_OTLP_ENDPOINT: ' ' })).toBe(false)
  expect(exportsTraces(endpoint)).toBe(true)
  expect(exportsTraces({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' })).toBe(true)
  for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_SDK_DISABLED: 'TRUE ' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
    expect(exportsTraces({ ...endpoint, ...off })).toBe(false)
  }
})

test('the protocol for traces alone takes precedence', () => {
  const both = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'grpc' }
  expect(tracesProtocol(readConfig(both))).toBe('grpc')
  expect(tracesProtocol(readConfig({ ...both, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: '' }))).toBe('http/json')
})

test.each([
  { BOOTSTRAP_SERVERS: 'x.servicebus.windows.net:9093', EVENTHUB_CONNECTIONSTRING: 'hunter2' },
  { KAFKA_SASL_PASSWORD: 'hunter2' },
  { DATABASE_URL: 'flow:hunter2@db' },
  { DATABASE_URL: 'postgresql://flow:hunter2@db/flow?sslmode=maybe' },
])('never shows a secret', (env) => {
  expect(complaintsAbout(env)).toMatch(/bad setting/)
  expect(complaintsAbout(env)).not.toContain('hunter2')
})

const login = { KAFKA_SECURITY_PROTOCOL: 'SASL_SSL', KAFKA_SASL_USERNAME: 'flow', KAFKA_SASL_PASSWORD: 'secret' }
const eventHubs = { BOOTSTRAP_SERVERS: 'lab.servicebus.windows.net:9093', EVENTHUB_CONNECTIONSTRING: 'Endpoint=sb://lab' }

test.each([
  [{ KAFKA_SECURITY_PROTOCOL: 'TLS' }, 'KAFKA_SECURITY_PROTOCOL: expected one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL'],
  [login, 'KAFKA_SASL_MECHANISM: expected a value, for KAFKA_SECURITY_PROTOCOL is SASL_SSL, found nothing'],
  [
    { ...login, KAFKA_SASL_MECHANISM: 'OAUTHBEARER' },
    'KAFKA_OAUTH_TOKEN_URL: expected a value, for KAFKA_SECURITY_PROTOCOL is SASL_SSL, found nothing',
  ],
  [
    { ...login, KAFKA_SECURITY_PROTOCOL: 'SSL' },
    'KAFKA_SECURITY_PROTOCOL: expected SASL_SSL or SASL_PLAINTEXT, for KAFKA_SASL_USERNAME is set, found "SSL"',
  ],
  [
    { KAFKA_SSL_CA_FILE: '/nowhere/ca.pem' },
    'KAFKA_SSL_CA_FILE: expected a file that can be read, with certificates in PEM, found "/nowhere/ca.pem"',
  ],
  [
    { KAFKA_SSL_CA_FILE: '/nowhere/ca.pem' },
    'KAFKA_SECURITY_PROTOCOL: expected SSL or SASL_SSL, for KAFKA_SSL_CA_FILE is set, found nothing',
  ],
  [{ KAFKA_SSL_CERT_FILE: '/nowhere/a.pem' }, 'KAFKA_SSL_KEY_FILE: expected the private key of KAFKA_SSL_CERT_FILE'],
  [{ KAFKA_SSL_KEY_FILE: '/nowhere/a.pem' }, 'KAFKA_SSL_CERT_FILE: expected the certificate of KAFKA_SSL_KEY_FILE'],
  [
    { ...eventHubs, KAFKA_SASL_USERNAME: 'flow' },
    'KAFKA_SASL_USERNAME: expected nothing: the login of Event Hubs is EVENTHUB_CONNECTIONSTRING, found "flow"',
  ],
  [{ DB_SSLROOTCERT: '/nowhere/ca.pem' }, 'DB_SSLMODE: expected verify-full, for DB_SSLROOTCERT is set, found nothing'],
  [{ DATABASE_URL: 'mysql://db/flow' }, 'DATABASE_URL: expected postgresql://USER:PASSWORD@HOST:5432/NAME'],
  [{ DATABASE_URL: 'postgresql://flow:100%@db/flow' }, 'DATABASE_URL: expected postgresql://USER:PASSWORD@HOST:5432/NAME'],
  [
    { DATABASE_URL: 'postgresql://db/flow?pgbouncer=true' },
    'DATABASE_URL: expected no parameters but sslmode and sslrootcert, not pgbouncer',
  ],
])('%o of security is refused', (env, complaint) => {
  expect(complaintsAbout(env)).toContain(complaint)
})

test('what DATABASE_URL says replaces the variables of Postgres, and what it lacks is theirs', () => {
  const others = { DB_HOST: 'other', DB_PORT: '1', DB_NAME: 'other', DB_PASSWORD: 'theirs' }
  expect(readConfig({ ...others, DATABASE_URL: 'postgres://me@[::1]:6432/flow?sslmode=verify-full' })).toMatchObject({
    DB_HOST: '::1',
    DB_PORT: 6432,
    DB_NAME: 'flow',
    DB_USER: 'me',
    DB_PASSWORD: 'theirs',
    DB_SSLMODE: 'verify-full',
  })
  const { DB_HOST, DB_PORT, DB_NAME, DB_PASSWORD } = readConfig({ ...others, DATABASE_URL: 'postgresql://me:a%2Fb%3A@db' })
  expect([DB_HOST, DB_PORT, DB_NAME, DB_PASSWORD]).toEqual(['db', 5432, 'other', 'a/b:'])
})

test('.env.example names every variable with its default', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')
  // The variables at the end are those of the compose file.
  const lines = text.split('# --- `docker compose`')[0]?.split('\n') ?? []
  const documented = lines.flatMap((line) => /^#?\s?([A-Z_]+)=/.exec(line)?.[1] ?? [])
  expect(documented.toSorted()).toEqual([...settingNames, 'DATABASE_URL'].toSorted())
})

test.each([
  { DATABASE_URL: 'postgresql://flow:42?hunter2@db:5432/x' },
  { DATABASE_URL: 'postgresql://flow:12/hunter2@db/x' },
  { DATABASE_URL: 'postgresql://flow:12#hunter2@db/x' },
  { KAFKA_OAUTH_TOKEN_URL: 'https://id:hunter2@idp/token' },
  { DB_HOST: 'postgresql://flow:hunter2@db' },
  { BOOTSTRAP_SERVERS: 'flow:hunter2@kafka:9092' },
  { BOOTSTRAP_SERVERS: 'Endpoint=sb://hub;SharedAccessKey=hunter2' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http:user:hunter2@tempo:x' },
])('a password that is cut off from its URL is refused, and not shown: %o', (env) => {
  expect(() => readConfig(env)).toThrow(/bad setting/)
  expect(() => readConfig(env)).not.toThrow(/hunter2/)
})
