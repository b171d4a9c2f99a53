// Version 3, which the package keeps: version 4 takes 4 MB more memory in every process.
import { z } from 'zod/v3'
import { securityDisagreements } from '../kafka/security.ts'
import { segmentHours } from '../kafka/settings.ts'
import { readDatabaseUrl } from '../sql/database.ts'
import { isPemFile } from '../telemetry/certificate.ts'
import { UserError } from '../telemetry/user-error.ts'

const whole = (from: number, to: number) => {
  const expected = `expected a whole number from ${from} to ${to}`
  return z.coerce.number({ invalid_type_error: expected }).int(expected).min(from, expected).max(to, expected)
}
const amount = (from: number, to: number) => {
  const expected = `expected a number from ${from} to ${to}`
  return z.coerce.number({ invalid_type_error: expected }).min(from, expected).max(to, expected)
}
const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  z.enum(words, { errorMap: () => ({ message: `expected one of ${words.join(', ')}` }) })
const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
const protocols = ['http/protobuf', 'http/json', 'grpc'] as const
// Only a default may be empty.
const name = z.string().regex(/^[\w.-]{0,200}$/, 'expected letters, digits, ".", "_" or "-"')
const host = /^(\[[\da-f:]+\]|[^\s:,]+):\d{1,5}$/i
const hosts = z
  .string()
  .transform((list) => list.split(',').map((entry) => entry.trim()))
  .refine((list) => list.every((entry) => host.test(entry)), 'expected host:port, or several with commas between')

const httpUrl = (example: string) =>
  z.string().refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), `expected a URL such as ${example}`)
const certificates = z
  .string()
  .refine((file) => isPemFile(file, 'certificate'), 'expected a file that can be read, with certificates in PEM')
const privateKey = z
  .string()
  .refine(
    (file) => isPemFile(file, 'key'),
    'expected a file that can be read, with a private key in PEM that is not encrypted',
  )

/** The variables of the project, with their forms and defaults; `.env.example` explains them. Those of OpenTelemetry are its own. */
const environment = z.object({
  BOOTSTRAP_SERVERS: hosts.default('localhost:19092'),
  EVENTHUB_CONNECTIONSTRING: z.string().startsWith('Endpoint=sb://', 'expected "Endpoint=sb://..."').optional(),
  TOPIC_PREFIX: name.default(''),
  TOPIC_PARTITIONS: whole(1, 1000).default(4),
  TOPIC_REPLICATION_FACTOR: whole(1, 100).optional(),
  TOPICS_AUTO_CREATE: oneOf('true', 'false').default('true'),
  KAFKA_SECURITY_PROTOCOL: oneOf('PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL').optional(),
  KAFKA_SASL_MECHANISM: oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER').optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  KAFKA_OAUTH_TOKEN_URL: z
    .string()
    .regex(/^https?:\/\/[^@]+$/, 'expected a URL such as https://login.example.com/token')
    .optional(),
  KAFKA_OAUTH_SCOPE: z.string().optional(),
  KAFKA_SSL_CA_FILE: certificates.optional(),
  KAFKA_SSL_CERT_FILE: certificates.optional(),
  KAFKA_SSL_KEY_FILE: privateKey.optional(),
  KAFKA_RACK_ID: z.string().optional(),
  KAFKA_FAST_PATCHES: oneOf('on', 'off').default('on'),
  DB_HOST: z
    .string()
    .regex(/^[^/@]+$/, 'expected a host name or an address; a URL goes into DATABASE_URL')
    .default('localhost'),
  DB_PORT: whole(1, 65_535).default(15_432),
  DB_NAME: z.string().default('flow_results'),
  DB_USER: z.string().default('flow'),
  DB_PASSWORD: z.string().default('flow'),
  DB_SSLMODE: oneOf('disable', 'require', 'verify-full').default('disable'),
  DB_SSLROOTCERT: certificates.optional(),
  STAGE_NUMBER: z.string().optional(),
  OPERATION_TYPE: z.string().optional(),
  INPUT_TOPIC: name.optional(),
  OUTPUT_TOPIC: name.optional(),
  MESSAGE_MIN: whole(0, 100_000).default(1),
  MESSAGE_MAX: whole(0, 100_000).default(20),
  SLEEP_MIN: amount(0, 86_400).default(1),
  SLEEP_MAX: amount(0, 86_400).default(10),
  COUNT_MIN: whole(1, 10_000).default(3),
  COUNT_MAX: whole(1, 10_000).default(20),
  NUMBERS_MIN: amount(-1e15, 1e15).default(1000),
  NUMBERS_MAX: amount(-1e15, 1e15).default(100_000),
  NUMBERS_DECIMALS: whole(0, 15).default(2),
  RATE: amount(0.01, 100_000).optional(),
  LOG_LEVEL: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().url('expected a URL such as http://localhost:4318').optional(),
  OTEL_TRACES_EXPORTER: oneOf('otlp', 'none').optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(...protocols).default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: oneOf(...protocols).optional(),
  OTEL_TRACES_SAMPLER: oneOf(...samplers).default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: amount(0, 1).default(1),
  TRACE_SLOWER_THAN: amount(0, 86_400).default(5),
  METRICS_HOST: z.string().default('127.0.0.1'),
  METRICS_PORT: whole(0, 65_535).default(0),
  START_COMMAND: z.string().optional(),
  PROMETHEUS_URL: httpUrl('http://localhost:9090').default('http://localhost:9090'),
  TEMPO_URL: httpUrl('http://localhost:3200').default('http://localhost:3200'),
  GRAFANA_URL: httpUrl('http://localhost:3000').default('http://localhost:3000'),
  ALERTS_URL: httpUrl('http://localhost:9464/alerts').optional(),
  SCENARIOS: oneOf('on', 'off').default('off'),
  SCALE_TARGET_SECONDS: amount(1, 86_400).default(60),
  RETENTION: whole(1, 36_500).default(14),
  TOPIC_RETENTION_HOURS: whole(1, 876_000).default(168),
  KAFKA_HOME: z.string().optional(),
  TEMPO_BIN: z.string().optional(),
  PROMETHEUS_BIN: z.string().optional(),
  GRAFANA_BIN: z.string().optional(),
  GRAFANA_DB_PASSWORD: z.string().optional(),
})

/** The names of all variables but DATABASE_URL, which becomes those of Postgres. */
export const settingNames: readonly string[] = Object.keys(environment.shape)

const ordered = [
  ['MESSAGE_MIN', 'MESSAGE_MAX'],
  ['SLEEP_MIN', 'SLEEP_MAX'],
  ['COUNT_MIN', 'COUNT_MAX'],
  ['NUMBERS_MIN', 'NUMBERS_MAX'],
] as const

/** The settings of one process, frozen. Durations in seconds, ports as numbers. */
export type Config = Readonly<z.infer<typeof environment>>

/**
 * Reads the variables of the project. An empty one counts as unset, as compose files write it. What DATABASE_URL says replaces
 * the variables that begin with DB_.
 * @throws {UserError} naming every bad variable at once, with what was expected of it
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))
  const url = given['DATABASE_URL'] === undefined ? {} : readDatabaseUrl(given['DATABASE_URL'])
  if (typeof url !== 'string') Object.assign(given, url)
  const result = environment.safeParse(given)
  const issues = result.error?.issues ?? []
  const wrong = issues.map(({ path, message }) => [String(path[0]), message] as const)
  if (typeof url === 'string') wrong.push(['DATABASE_URL', url])
  wrong.push(...disagreements(given))
  if (result.success && wrong.length === 0) return Object.freeze(result.data)
  // One complaint for each variable.
  const complaints = [...new Map(wrong.toReversed())].toReversed().map(([key, expected]) => {
    return `  ${key}: ${expected}, found ${quoted(key, given[key])}`
  })
  const count = complaints.length === 1 ? '1 bad setting' : `${complaints.length} bad settings`
  throw new UserError(`The environment has ${count}:\n${complaints.join('\n')}`)
}

/** Contradictions between variables that are valid one by one, each with the name of a variable that has to change. */
function disagreements(given: Record<string, string | undefined>): (readonly [string, string])[] {
  const valueOf = (key: keyof typeof environment.shape) => Number(environment.shape[key].safeParse(given[key]).data)
  const wrong: (readonly [string, string])[] = []
  for (const [low, high] of ordered) {
    const most = valueOf(high)
    if (valueOf(low) > most) wrong.push([low, `expected at most ${high}, which is ${most}`])
  }
  // The numbers are made as whole ones, divided by this.
  const scale = 10 ** valueOf('NUMBERS_DECIMALS')
  const [least, most] = [valueOf('NUMBERS_MIN') * scale, valueOf('NUMBERS_MAX') * scale]
  if (Math.ceil(least) > Math.floor(most)) {
    wrong.push(['NUMBERS_DECIMALS', 'expected so many that there is a number from NUMBERS_MIN to NUMBERS_MAX'])
  } else if (Math.max(most - least, Math.abs(least), Math.abs(most)) > Number.MAX_SAFE_INTEGER) {
    wrong.push(['NUMBERS_DECIMALS', 'expected so few that the numbers have at most 15 digits'])
  }
  const topicHours = valueOf('TOPIC_RETENTION_HOURS')
  const leastDays = Math.ceil((topicHours + segmentHours(topicHours)) / 24)
  if (valueOf('RETENTION') < leastDays) {
    const why = `for a row must outlive its record (TOPIC_RETENTION_HOURS is ${topicHours})`
    wrong.push(['RETENTION', `expected at least ${leastDays} days, ${why}`])
  }
  if (given['DB_SSLROOTCERT'] !== undefined && given['DB_SSLMODE'] !== 'verify-full') {
    wrong.push(['DB_SSLMODE', 'expected verify-full, for DB_SSLROOTCERT is set'])
  }
  return [...wrong, ...securityDisagreements(given)]
}

function quoted(key: string, value: string | undefined): string {
  if (value === undefined) return 'nothing'
  // A URL, also in a variable where none belongs, may have a login.
  const mayHaveLogin = /PASSWORD|CONNECTIONSTRING|_URL$/.test(key) || /@|:\/\//.test(value)
  return mayHaveLogin ? 'something else (not shown)' : JSON.stringify(value.slice(0, 60))
}

/** Whether a variable is set, where the default alone cannot tell. An empty one counts as unset. */
export function isGiven(key: keyof Config | 'DATABASE_URL', env: NodeJS.ProcessEnv = process.env): boolean {
  return (env[key] ?? '').trim() !== ''
}

/** The environment of a child process: that of this process, with changes. */
export function childEnvironment(changes: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...changes }
}

/** The OTLP protocol for traces. */
export function tracesProtocol(config: Config): Config['OTEL_EXPORTER_OTLP_PROTOCOL'] {
  return config.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? config.OTEL_EXPORTER_OTLP_PROTOCOL
}

/** Whether OpenTelemetry's own variables ask for traces to be exported; its SDK reads them itself. */
export function exportsTraces(env: NodeJS.ProcessEnv = process.env): boolean {
  const endpoint = lowerCase(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) || lowerCase(env['OTEL_EXPORTER_OTLP_ENDPOINT'])
  return endpoint !== '' && !isSdkDisabled(env) && lowerCase(env['OTEL_TRACES_EXPORTER']) !== 'none'
}

/** OpenTelemetry's switch that turns all of it off. */
export function isSdkDisabled(env: NodeJS.ProcessEnv = process.env): boolean {
  return lowerCase(env['OTEL_SDK_DISABLED']) === 'true'
}

const lowerCase = (value = '') => value.trim().toLowerCase()
