import { createKafka } from '../../kafka/client.ts'
import { isEventHubs } from '../../kafka/security.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import {
  addPartitions,
  createTopics,
  readTopicSettings,
  replicationSummary,
  type TopicSettings,
} from '../../kafka/topics.ts'
import { type Config, isGiven, readConfig } from '../../pipeline/config.ts'
import { refusalOf, retryForever } from '../../pipeline/retry.ts'
import { routes, topicPlan } from '../../pipeline/route.ts'
import { migrateDatabase, openForMigration, writeCatalogue } from '../../sql/migrate.ts'
import { makeReportingRole } from '../../sql/reporting-role.ts'
import { countOf } from '../../stages/refusal.ts'
import { createHealth } from '../../telemetry/health.ts'
import { createLog, type Log } from '../../telemetry/log.ts'
import type { CliCommand } from '../options.ts'
import { print } from '../render/terminal.ts'
import { serverMistake, type ServerError } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('bring database and topics up to date')
    .description(
      'Brings the database to the newest tables and views, creates the topics that are missing, ' +
        'gives existing ones as many partitions as TOPIC_PARTITIONS says (never fewer than they have; TOPICS_AUTO_CREATE=false ' +
        'does neither) and writes the catalogue of stages for the reports. ' +
        'It waits for servers that are not up yet. Run it as often as you like, several at once too.',
    )
    .examples({ 'After every start and every update': 'npx throughline migrate' })
    .action(async () => {
      const config = readConfig()
      const log = createLog(config.LOG_LEVEL, { process: 'migrate' })
      try {
        const tables = await migrateTables(config, log)
        const { created, grown, settings } = await migrateTopics(config, log)
        const partitions = config.TOPIC_PARTITIONS
        const lines = [
          migrationSummary({ ...tables, topics: created, grown, partitions }),
          isGiven('TOPIC_PARTITIONS') && partitionsKept(settings, partitions),
          replicationSummary(settings),
        ]
        print(lines.filter(Boolean).join('\n'))
      } catch (error) {
        throw serverMistake(error, config) ?? error
      }
    })
}

async function migrateTables(config: Config, log: Log) {
  await using opened = new AsyncDisposableStack()
  const database = opened.adopt(openForMigration(config, log), (pool) => pool.end())
  await retry('Connecting to Postgres', () => database.query('select 1'), log)
  const migrations = await migrateDatabase(database, log)
  const isCatalogueNew = await writeCatalogue(database, routes(config))
  const { GRAFANA_DB_PASSWORD: password } = config
  if (password !== undefined) await makeReportingRole(database, password, log)
  return { migrations, isCatalogueNew }
}

async function migrateTopics(config: Config, log: Log) {
  await using opened = new AsyncDisposableStack()
  const kafka = createKafka(kafkaSettings(config, 'throughline'), log)
  const admin = opened.adopt(kafka.admin(), (one) => one.disconnect())
  const plan = topicPlan(config)
  // Partitions cannot be removed, so the default adds none; nor can Event Hubs add any to a hub of its Standard tier.
  const grows = isGiven('TOPIC_PARTITIONS') && !isEventHubs(config.BOOTSTRAP_SERVERS)
  const create = async () => {
    await admin.connect()
    return { created: await createTopics(admin, plan), grown: grows ? await addPartitions(admin, plan) : [] }
  }
  const isOurs = config.TOPICS_AUTO_CREATE === 'true'
  const made = isOurs ? await retry('Creating the topics', create, log) : { created: [], grown: [] }
  // The other settings of existing topics stay as they are. The migration does not fail when a broker does not report them.
  const read = async () => {
    await admin.connect()
    return await readTopicSettings(admin, plan.names)
  }
  const settings = await read().catch((error: unknown) => {
    log.debug({ err: error }, 'The settings of the topics could not be read')
    return []
  })
  const sources = new Set(routes(config).map(({ source }) => source))
  const stageTopics = settings.filter(({ topic }) => sources.has(topic))
  const warning = retentionWarning(stageTopics, config.RETENTION)
  if (warning !== undefined) log.warn(warning)
  // Event Hubs keeps copies that its settings do not tell of.
  return { ...made, settings: isEventHubs(config.BOOTSTRAP_SERVERS) ? [] : settings }
}

/** Repeats a step until the server answers. Ending the process ends the retries: what is half done is rolled back. */
async function retry<T>(name: string, step: () => Promise<T>, log: Log): Promise<T> {
  const options = { log, isPermanent, health: createHealth(), signal: new AbortController().signal }
  return await retryForever((withServer) => withServer(name, step), options)
}

/** Whether an error comes from a server that works, so that trying again does not help. */
export function isPermanent(error: ServerError): boolean {
  const { name, code = '', type = '', retriable, cause, errors } = error
  if (name === 'UserError' || refusalOf(error) !== undefined) return true
  if (name === 'KafkaJSNumberOfRetriesExceeded' && cause instanceof Error) return isPermanent(cause)
  if (errors !== undefined) return errors.some(isPermanent)
  // A controller or broker that has just started gives these two, which kafkajs takes for lasting.
  const isStarting = type === 'INVALID_REPLICATION_FACTOR' || type === 'LEADER_NOT_AVAILABLE'
  if (name.startsWith('KafkaJS')) return retriable !== true && name !== 'KafkaJSTimeout' && !isStarting
  // Postgres has answered, but not that it lacks connections or resources, or is starting or shutting down.
  return /^(?=.*\d)[\dA-Z]{5}$/.test(code) && !/^(08|53|57P)/.test(code)
}

interface Migrated {
  readonly migrations: readonly string[]
  readonly topics: readonly string[]
  /** Topics that existed with fewer partitions than TOPIC_PARTITIONS, which they have now. */
  readonly grown: readonly string[]
  readonly partitions: number
  readonly isCatalogueNew: boolean
}

/** One line that names what is new. */
export function migrationSummary({ migrations, topics, grown, partitions, isCatalogueNew }: Migrated): string {
  const more = grown.length > 0 && `${partitions} partitions for each of ${list(grown, 'topic')}`
  const done = [list(migrations, 'migration'), list(topics, 'topic'), more, isCatalogueNew && 'the catalogue of stages']
  const news = done.filter(Boolean).join('; ')
  return news === '' ? 'Nothing to do: all is up to date.' : `New: ${news}.`
}

/** "2 topics (start, finish)"; empty for none. */
function list(names: readonly string[], noun: string): string {
  return names.length === 0 ? '' : `${countOf(names.length, noun)} (${names.join(', ')})`
}

/** The topics with more partitions than TOPIC_PARTITIONS; undefined when there are none. */
export function partitionsKept(settings: readonly TopicSettings[], partitions: number): string | undefined {
  const larger = settings.filter((topic) => topic.partitions > partitions)
  if (larger.length === 0) return undefined
  const names = larger.map((topic) => `${topic.topic} (${topic.partitions})`).join(', ')
  return `TOPIC_PARTITIONS is ${partitions}, and these topics keep the partitions that they have, which Kafka cannot remove: ${names}.`
}

/**
 * The warning about topics that keep records for longer than rows are kept; undefined when there are none.
 * @param rowDays RETENTION
 */
export function retentionWarning(settings: readonly TopicSettings[], rowDays: number): string | undefined {
  const longer = settings.filter(({ recordHours }) => recordHours > rowDays * 24)
  if (longer.length === 0) return undefined
  const most = Math.max(...longer.map(({ recordHours }) => recordHours))
  const raise = Number.isFinite(most) ? `, or set RETENTION to ${Math.ceil(most / 24)}` : ''
  const kept = Number.isFinite(most) ? `for up to ${Math.ceil(most)} hours` : 'for ever'
  const topics = longer.map(({ topic }) => topic).join(', ')
  return (
    `Records are kept ${kept} (retention.ms and segment.ms of ${topics}) but their rows for ${rowDays * 24} (RETENTION), ` +
    `and a record that is read again after its row was removed is processed twice: lower retention.ms${raise}.`
  )
}
