import { z } from 'zod'
import { UserError } from './user-error.ts'

const whole = (from: number, to: number) => {
  const expected = `expected a whole number from ${from} to ${to}`
  return z.coerce.number(expected).int(expected).min(from, expected).max(to, expected)
}
const amount = (from: number, to: number) => {
  const expected = `expected a number from ${from} to ${to}`
  return z.coerce.number(expected).min(from, expected).max(to, expected)
}
const oneOf = <const Words extends readonly string[]>(...words: Words) =>
  z.enum(words, `expected one of ${words.join(', ')}`)
const name = z.string().regex(/^[\w.-]{1,200}$/, 'expected letters, digits, ".", "_" or "-"')
const host = /^(\[[\da-f:]+\]|[^\s:,]+):\d{1,5}$/i
const hosts = z
  .string()
  .transform((list) => list.split(',').map((entry) => entry.trim()))
  .refine(
    (list) => list.every((entry) => host.test(entry)),
    'expected host:port, or several with commas between',
  )

/** Every variable that the project reads, with what it must look like. `.env.example` says what each is for. */
const environment = z.object({
  BOOTSTRAP_SERVERS: hosts.default(['localhost:19092']),
  EVENTHUB_CONNECTIONSTRING: z
    .string()
    .startsWith('Endpoint=sb://', 'expected "Endpoint=sb://..."')
    .optional(),
  TOPIC_PREFIX: name.default(''),
  TOPIC_PARTITIONS: whole(1, 1000).default(4),
  TOPICS_AUTO_CREATE: oneOf('true', 'false').default('true'),
  DB_HOST: z.string().default('localhost'),
  DB_PORT: whole(1, 65_535).default(15_432),
  DB_NAME: z.string().default('flow_results'),
  DB_USER: z.string().default('flow'),
  DB_PASSWORD: z.string().default('flow'),
  DB_SSLMODE: oneOf('disable', 'require', 'verify-full').default('disable'),
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
  KAFKA_HOME: z.string().optional(),
})

const ordered = [
  ['MESSAGE_MIN', 'MESSAGE_MAX'],
  ['SLEEP_MIN', 'SLEEP_MAX'],
  ['COUNT_MIN', 'COUNT_MAX'],
  ['NUMBERS_MIN', 'NUMBERS_MAX'],
] as const

const checked = environment.superRefine((env, context) => {
  const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message })
  for (const [low, high] of ordered) {
    if (env[low] > env[high]) refuse(low, `expected at most ${high}, which is ${env[high]}`)
  }
  if (isEventHubs(env.BOOTSTRAP_SERVERS) && env.EVENTHUB_CONNECTIONSTRING === undefined) {
    refuse('EVENTHUB_CONNECTIONSTRING', 'expected the connection string of the Event Hubs namespace')
  }
})

/** The settings of one process, frozen. Durations in seconds, ports as numbers. */
export type Config = Readonly<z.infer<typeof environment>>

/** Azure Event Hubs speaks Kafka's protocol with limits of its own; its host name gives it away. */
export function isEventHubs(brokers: readonly string[]): boolean {
  return brokers.some((broker) => broker.includes('.servicebus.windows.net'))
}

/**
 * Reads the environment, the only place that does. An empty variable counts as unset, as compose files write it.
 * @throws {UserError} naming every bad variable at once, with what was expected of it
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const result = checked.safeParse(given)
  if (result.success) return Object.freeze(result.data)
  const complaints = new Map<string, string>()
  for (const issue of result.error.issues) {
    const key = String(issue.path[0])
    const found = given[key] === undefined ? 'found nothing' : `found ${quoted(key, given[key])}`
    if (!complaints.has(key)) complaints.set(key, `  ${key}: ${issue.message}, ${found}`)
  }
  throw new UserError(
    `The environment has ${complaints.size} bad setting(s):\n${[...complaints.values()].join('\n')}`,
  )
}

function quoted(key: string, value: string): string {
  return /PASSWORD|CONNECTIONSTRING/.test(key)
    ? 'something else (not shown)'
    : JSON.stringify(value.slice(0, 60))
}
