import type { Command } from 'commander'
import type { Admin } from 'kafkajs'
import { Pool } from 'pg'
import { writeCatalogue } from '../sql/catalogue.ts'
import { readConfig, type Config } from '../pipeline/config.ts'
import { databaseSettings, type Database } from '../sql/database.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createHealth } from '../telemetry/health.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { migrateDatabase } from '../sql/migrate.ts'
import { makeReportingRole } from '../sql/reporting-role.ts'
import { retryForever } from '../pipeline/retry.ts'
import { routes } from '../pipeline/route.ts'
import { createTopics, readRecordHours } from '../kafka/topics.ts'
import { databaseMistake } from './database-mistake.ts'
import { examples } from './examples.ts'
import { kafkaMistake } from './kafka-mistake.ts'
import { migrationSummary } from './render/migration-summary.ts'
import { print } from './output.ts'
import { passesWithTime } from './passes-with-time.ts'
import { retentionWarning } from './retention-warning.ts'

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary('bring database and topics up to date')
    .description(
      'Brings the database to the newest tables and views, creates the topics that are missing ' +
        '(TOPICS_AUTO_CREATE=false leaves them to others) and writes the catalogue of stages for the reports. ' +
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

/** A person or a supervisor ends the waiting by ending the process: what is half done is rolled back. */
const forEver = {
  signal: new AbortController().signal,
  health: createHealth(),
  isPermanent: (error: Error) => !passesWithTime(error),
}

async function bringTables(config: Config, log: Log) {
  // Without the short timeout of all other queries: a migration may take minutes, or wait for another that does.
  const { query_timeout: _, ...settings } = databaseSettings(config)
  const database: Database = new Pool({ ...settings, max: 2 })
  database.on('error', (error) => log.debug({ err: error }, 'A connection to Postgres broke'))
  try {
    await retryForever((using) => using('Connecting to Postgres', () => database.query('select 1')), {
      log,
      ...forEver,
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
  const attempt = async () => {
    await admin.connect()
    return await createTopics(admin, config)
  }
  try {
    const created = await retryForever((using) => using('Creating the topics', attempt), { log, ...forEver })
    await warnOfRecords(admin, config, log)
    return created
  } catch (error) {
    throw kafkaMistake(error, config) ?? error
  } finally {
    await admin.disconnect()
  }
}

/** Topics that are there keep what they are set to. A broker that does not tell is no reason for the migration to fail. */
async function warnOfRecords(admin: Admin, config: Config, log: Log): Promise<void> {
  try {
    const warning = retentionWarning(await readRecordHours(admin, config), config.RETENTION)
    if (warning !== undefined) log.warn(warning)
  } catch (error) {
    log.debug({ err: error }, 'For how long the topics keep records could not be read')
  }
}
