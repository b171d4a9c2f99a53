import type { Command } from 'commander'
import { createKafka, type Admin } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createTopics, readRecordHours } from '../kafka/topics.ts'
import { type Config, readConfig } from '../pipeline/config.ts'
import { retryForever } from '../pipeline/retry.ts'
import { routes, topicPlan } from '../pipeline/route.ts'
import { makeReportingRole, migrateDatabase, openForMigration, writeCatalogue } from '../sql/migrate.ts'
import { createHealth } from '../telemetry/health.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { examples } from './options.ts'
import { migrationSummary, retentionWarning } from './render/render-migration.ts'
import { print } from './render/terminal.ts'
import { databaseMistake, kafkaMistake, type ServerError } from './servers.ts'

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('bring database and topics up to date')
    .description(
      'Brings the database to the newest tables and views, creates the topics that are missing ' +
        '(TOPICS_AUTO_CREATE=false creates none) and writes the catalogue of stages for the reports. ' +
        'It waits for servers that are not up yet. Run it as often as you like, several at once too.',
    )
    .addHelpText('after', examples(['After every start and every update', 'npx throughline migrate']))
    .action(async () => {
      const config = readConfig()
      const log = createLog(config.LOG_LEVEL, { process: 'migrate' })
      const tables = await bringTables(config, log)
      const topics = config.TOPICS_AUTO_CREATE === 'true' ? await bringTopics(config, log) : []
      print(migrationSummary({ ...tables, topics }))
    })
}

/** Ending the process ends the retries: what is half done is rolled back. */
const retryOptions = {
  signal: new AbortController().signal,
  health: createHealth(),
  isPermanent: (error: Error) => !isTransient(error),
}

async function bringTables(config: Config, log: Log) {
  const database = openForMigration(config, log)
  try {
    const connect = () => database.query('select 1')
    await retryForever((withServer) => withServer('Connecting to Postgres', connect), {
      log,
      ...retryOptions,
    })
    const migrations = await migrateDatabase(database, log)
    const isCatalogueNew = await writeCatalogue(database, routes(config))
    const { GRAFANA_DB_PASSWORD: password } = config
    if (password !== undefined) await makeReportingRole(database, password, log)
    return { migrations, isCatalogueNew }
  } catch (error) {
    throw databaseMistake(error, config) ?? error
  } finally {
    await database.end()
  }
}

async function bringTopics(config: Config, log: Log): Promise<string[]> {
  const admin = createKafka(kafkaSettings(config, 'throughline'), log).admin()
  const create = async () => {
    await admin.connect()
    return await createTopics(admin, topicPlan(config))
  }
  try {
    const options = { log, ...retryOptions }
    const created = await retryForever((withServer) => withServer('Creating the topics', create), options)
    await warnAboutRetention(admin, config, log)
    return created
  } catch (error) {
    throw kafkaMistake(error, config) ?? error
  } finally {
    await admin.disconnect()
  }
}

/** Existing topics keep their settings. The migration does not fail when a broker does not report them. */
async function warnAboutRetention(admin: Admin, config: Config, log: Log): Promise<void> {
  try {
    const topics = routes(config).map(({ source }) => source)
    const warning = retentionWarning(await readRecordHours(admin, topics), config.RETENTION)
    if (warning !== undefined) log.warn(warning)
  } catch (error) {
    log.debug({ err: error }, 'The retention of the topics could not be read')
  }
}

/** SQLSTATE: connection exceptions, out of resources, shut down or starting up. */
const transientStates = /^(08|53|57P)/

/** Errors of a controller or broker that has just started. */
const transientTypes = new Set(['INVALID_REPLICATION_FACTOR', 'LEADER_NOT_AVAILABLE'])

/** Whether an error of Postgres or Kafka comes from a server that is away or still starting. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { name, code = '', type = '', retriable, cause, errors } = error as ServerError
  if (name === 'KafkaJSNumberOfRetriesExceeded') return isTransient(cause)
  if (name === 'KafkaJSAggregateError') return errors?.every(isTransient) === true
  if (name === 'KafkaJSTimeout') return true
  if (name.startsWith('KafkaJS')) return retriable === true || transientTypes.has(type)
  // Postgres itself has answered, with one of its codes.
  if (/^[\dA-Z]{5}$/.test(code)) return transientStates.test(code)
  return !(error instanceof TypeError)
}
