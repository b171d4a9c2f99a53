import { createKafka, type Admin, type Kafka } from '../kafka/client.ts'
import { createSender, type Sender } from '../kafka/producer.ts'
import { kafkaSettings, type KafkaSettings } from '../kafka/settings.ts'
import { kafkaRefusal } from '../kafka/security.ts'
import type { Config } from '../pipeline/config.ts'
import { databaseRefusal, openDatabase, type Database } from '../sql/database.ts'
import { createLog } from '../telemetry/log.ts'
import { withEntryTracing } from '../telemetry/tracer/entry-tracing.ts'
import { UserError } from '../telemetry/user-error.ts'

/**
 * Runs `work` with a few connections to Postgres, without retries.
 * @throws {UserError} when Postgres is out of reach or was never migrated
 */
export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  // The next query replaces a connection that broke while idle, and reports what is wrong.
  const database = openDatabase(config, 3)
  try {
    return await work(database)
  } catch (error) {
    throw serverMistake(error, config) ?? error
  } finally {
    await database.end()
  }
}

/** A command gives up after a few seconds on a broker that does not answer. */
const shortTimeouts = {
  connectionTimeout: 2000,
  requestTimeout: 5000,
  retry: { initialRetryTime: 150, maxRetryTime: 600, retries: 2 },
}

/**
 * Runs `work` with a Kafka client and a connected admin.
 * @throws {UserError} when Kafka is out of reach or lacks the topics
 */
export async function withKafka<T>(
  config: Config,
  work: (access: { kafka: Kafka; settings: KafkaSettings; admin: Admin }) => Promise<T>,
): Promise<T> {
  const usual = kafkaSettings(config, 'throughline')
  const settings = { ...usual, client: { ...usual.client, ...shortTimeouts } }
  const kafka = createKafka(settings, createLog('silent', {}))
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await work({ kafka, settings, admin })
  } catch (error) {
    throw serverMistake(error, config) ?? error
  } finally {
    await admin.disconnect()
  }
}

/** Both servers, for a command that sends messages into the pipeline. */
export interface Servers {
  readonly database: Database
  readonly admin: Admin
  /** Starts a trace for each message where traces are exported. */
  readonly sender: Sender
}

/**
 * Runs `work` with both servers.
 * @throws {UserError} when a server is out of reach, or tables or topics are missing
 */
export async function withServers(config: Config, work: (servers: Servers) => Promise<void>): Promise<void> {
  await withDatabase(config, (database) =>
    withKafka(config, ({ kafka, settings, admin }) =>
      withEntryTracing(async (intercept) => {
        await using opened = new AsyncDisposableStack()
        const sender = opened.adopt(createSender(kafka, settings, intercept), (one) => one.close())
        await work({ database, admin, sender })
      }),
    ),
  )
}

/**
 * The sentence that tells a user how to correct an error of Kafka or Postgres; undefined for any other error.
 * @param more what follows the sentence
 */
export function serverMistake(error: unknown, config: Config, more = ''): UserError | undefined {
  if (!(error instanceof Error)) return undefined
  const sentence = kafkaSentence(error, config.BOOTSTRAP_SERVERS) ?? databaseSentence(error, config)
  return sentence === undefined ? undefined : new UserError(sentence + more, { cause: error })
}

/** The properties that errors of Node, pg and kafkajs may have. */
export interface ServerError extends Error {
  readonly code?: string
  /** kafkajs: the name of the broker's error code. */
  readonly type?: string
  /** kafkajs: the broker's address. */
  readonly broker?: string
  readonly retriable?: boolean
  readonly errors?: readonly ServerError[]
}

/** What to say about errors with a code, a name or a message like this. */
type Sentences = readonly (readonly [pattern: RegExp, sentence: string])[]

const start = 'start `npm run demo` or `docker compose up`'

/** By codes of Postgres and Node; where there is no code, by the message. */
function databaseSentence(error: ServerError, config: Config): string | undefined {
  if (error.name.startsWith('KafkaJS')) return undefined
  const { DB_HOST, DB_PORT, DB_NAME } = config
  const address = `${DB_HOST}:${DB_PORT}`
  // Where a host name has two addresses and both refuse, Node throws one error with an error for each.
  const { code, message } = error.errors?.[0] ?? error
  const refusal = databaseRefusal(error)
  if (refusal !== undefined) return `Postgres at ${address} ${refusal}.`
  const sentences: Sentences = [
    [/^42(P01|703)$/, `The database ${DB_NAME} at ${address} lacks the tables: run \`npx throughline migrate\`.`],
    [/^3D000$/, `Postgres at ${address} has no database ${DB_NAME}: create it, or set DB_NAME.`],
    [/^57P0[123]$/, `Postgres at ${address} is starting or stopping: try again in a few seconds.`],
    [/^(ENOTFOUND|EAI_AGAIN)$/, `The host ${DB_HOST} is unknown: set DB_HOST.`],
    [
      /^(ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$|connection terminated|timeout e/i,
      `Nothing answers at ${address}: ${start}, or set DB_HOST and DB_PORT.`,
    ],
  ]
  return sentences.find(([pattern]) => pattern.test(code ?? message))?.[1]
}

const closed = 'set KAFKA_SECURITY_PROTOCOL to that of the port, or try again in a few seconds if Kafka is just starting.'

/** By the names that kafkajs gives its errors and those of the broker; where an error has no name, by the message. */
function kafkaSentence(error: ServerError, bootstrapServers: readonly string[]): string | undefined {
  const { name, message, broker, type, retriable, cause } = error
  if (name === 'KafkaJSNumberOfRetriesExceeded' && cause instanceof Error) return kafkaSentence(cause, bootstrapServers)
  const address = bootstrapServers.join(', ')
  const refusal = kafkaRefusal(error)
  if (refusal !== undefined) return `Kafka at ${broker ?? address} ${refusal}.`
  const silence = `Nothing answers at ${address}: ${start}, or set BOOTSTRAP_SERVERS.`
  const stranger = `Kafka at ${address} refers to ${broker}, where nothing answers: its advertised.listeners must be reachable from here.`
  const isKnown = broker === undefined || bootstrapServers.includes(broker)
  const sentences: Sentences = [
    [/The token server/, `${message}: set KAFKA_OAUTH_TOKEN_URL.`],
    // A broker that accepts the connection and stays silent: kafka/patches closes it.
    [/no answer to \w+ from/, silence],
    [
      /KafkaJSConnectionClosedError|before secure TLS connection/,
      `Kafka at ${broker ?? address} closes the connection: ${closed}`,
    ],
    [/KafkaJSConnectionError/, isKnown ? silence : stranger],
    [/KafkaJS(RequestTimeoutError|BrokerNotFound|NoBrokerAvailableError)|Broker not connected/, silence],
    [
      /UNKNOWN_TOPIC_OR_PARTITION/,
      `Kafka at ${address} lacks the topics of the pipeline: run \`npx throughline migrate\`.`,
    ],
  ]
  const known = sentences.find(([pattern]) => pattern.test([name, type, message].join(' ')))
  if (known === undefined && name === 'KafkaJSProtocolError' && retriable === true)
    return `Kafka at ${address} is not ready yet (${message}): try again in a few seconds.`
  return known?.[1]
}
