import { randomBytes } from 'node:crypto'
import { runToEnd } from '../local/child-process.ts'
import { createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { childEnvironment, readConfig, type Config } from '../pipeline/config.ts'
import { endTopics, topicPlan } from '../pipeline/route.ts'
import { openDatabase, select, type Database } from '../sql/database.ts'
import { createLog } from '../telemetry/log.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import type { DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { throughline } from './processes.ts'

/** Twelve integers from 1,000 to 100,000 in each message of the generator. */
const twelveIntegers = { COUNT_MIN: '12', COUNT_MAX: '12', NUMBERS_DECIMALS: '0' }
const TEN_MINUTES_MS = 600_000

export type BenchmarkRun = Awaited<ReturnType<typeof startRun>>

/**
 * Makes an empty database and empty topics on the servers of a suite. Disposing removes both.
 * @param settings variables of its processes, such as OTEL_EXPORTER_OTLP_ENDPOINT
 */
export async function startRun(servers: DedicatedServers, settings: Readonly<Record<string, string>> = {}) {
  const prefix = `b${randomBytes(4).toString('hex')}`
  const own = { DB_NAME: prefix, TOPIC_PREFIX: `${prefix}.`, LOG_LEVEL: 'warn', ...settings }
  const env = childEnvironment({ ...servers.env, ...twelveIntegers, ...own })
  const config = readConfig(env)
  await using starting = new AsyncDisposableStack()
  const superuser = starting.adopt(openWithLongTimeout({ ...config, DB_NAME: 'postgres' }), (pool) => pool.end())
  await superuser.query(`create database "${prefix}"`)
  starting.defer(async () => void (await superuser.query(`drop database "${prefix}" with (force)`)))
  const admin = clientOf(config).kafka.admin()
  await admin.connect()
  starting.defer(() => admin.disconnect())
  await runToEnd(throughline(['migrate'], env))
  starting.defer(() => admin.deleteTopics({ topics: [...topicPlan(config).names] }))
  const database = starting.adopt(openWithLongTimeout(config), (pool) => pool.end())
  const { group, topics } = endTopics(config)
  const running = starting.move()
  /** How many messages have come so far; those that are traced are committed by the tracer. */
  const counts = async () => {
    const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] })
    const offsets = committed.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset)))
    // The topics begin at offset 0; -1 means that nothing is committed.
    const traced = offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0)
    const text = 'select coalesce(sum(finished), 0)::float8 as finished from counters'
    const [row] = await select<{ finished: number }>(database, text)
    return { finished: row?.finished ?? 0, traced }
  }
  /** Waits until so many messages have come so far. @throws {Error} when their number has not changed for a minute */
  const waitFor = async (goal: number, state: 'finished' | 'traced', signal: AbortSignal) => {
    let latest = 0
    const isReached = async () => (latest = (await counts())[state]) >= goal
    const options = { timeoutMs: 60_000, everyMs: 100, progress: () => latest, signal }
    await waitUntil(`${goal} messages are ${state}`, isReached, options)
  }
  return { env, config, database, counts, waitFor, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** A Kafka client of the bench itself. */
export function clientOf(config: Config) {
  const settings = kafkaSettings(config, 'bench')
  return { settings, kafka: createKafka(settings, createLog('silent', {})) }
}

/** Four connections, without the short timeouts of the pipeline. */
function openWithLongTimeout(config: Config): Database {
  const database = openDatabase(config, 4)
  database.options.query_timeout = TEN_MINUTES_MS
  return database
}
