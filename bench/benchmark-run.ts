import { randomBytes } from 'node:crypto'
import { runToEnd } from '../local/child-process.ts'
import { createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { childEnvironment, readConfig, type Config } from '../pipeline/config.ts'
import { endTopics, topicPlan } from '../pipeline/route.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { createLog } from '../telemetry/log.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import type { DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { throughline } from './processes.ts'

/** How many messages have come so far. */
export interface Counts {
  readonly finished: number
  /** Committed by the tracer. */
  readonly traced: number
}

/** An empty database and empty topics, on the servers of a suite. Disposing removes both. */
export interface BenchmarkRun extends AsyncDisposable {
  /** The whole environment of its processes. */
  readonly env: NodeJS.ProcessEnv
  readonly config: Config
  /** Four connections, without the short timeouts of the pipeline. */
  readonly database: Database
  counts(): Promise<Counts>
  /** Waits until so many messages have come so far. @throws {Error} when their number has not changed for a minute */
  waitFor(goal: number, state: keyof Counts, signal: AbortSignal): Promise<void>
}

/** Twelve integers from 1,000 to 100,000 in each message of the generator. */
const twelveIntegers = { COUNT_MIN: '12', COUNT_MAX: '12', NUMBERS_DECIMALS: '0' }
const TEN_MINUTES_MS = 600_000

/** @param settings variables of its processes, such as OTEL_EXPORTER_OTLP_ENDPOINT */
export async function startRun(
  servers: DedicatedServers,
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchmarkRun> {
  const prefix = `b${randomBytes(4).toString('hex')}`
  const own = { DB_NAME: prefix, TOPIC_PREFIX: `${prefix}.`, LOG_LEVEL: 'warn', ...settings }
  const env = childEnvironment({ ...servers.env, ...twelveIntegers, ...own })
  const config = readConfig(env)
  await using starting = new AsyncDisposableStack()
  const superuser = starting.adopt(openWithLongTimeout({ ...config, DB_NAME: 'postgres' }), (pool) => pool.end())
  await superuser.query(`create database "${prefix}"`)
  starting.defer(async () => void (await superuser.query(`drop database "${prefix}" with (force)`)))
  const admin = createKafka(kafkaSettings(config, 'bench'), createLog('silent', {})).admin()
  await admin.connect()
  starting.defer(() => admin.disconnect())
  await runToEnd(throughline(['migrate'], env))
  starting.defer(() => admin.deleteTopics({ topics: [...topicPlan(config).names] }))
  const database = starting.adopt(openWithLongTimeout(config), (pool) => pool.end())
  const { group, topics } = endTopics(config)
  const running = starting.move()
  const counts = async () => {
    const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] })
    const offsets = committed.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset)))
    // The topics begin at offset 0; -1 means that nothing is committed.
    const traced = offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0)
    const { rows } = await database.query<{ finished: number }>(
      'select coalesce(sum(finished), 0)::float8 as finished from counters',
    )
    return { finished: rows[0]?.finished ?? 0, traced }
  }
  return {
    env,
    config,
    database,
    counts,
    async waitFor(goal, state, signal) {
      let latest = 0
      const isReached = async () => (latest = (await counts())[state]) >= goal
      const options = { timeoutMs: 60_000, everyMs: 100, progress: () => latest, signal }
      await waitUntil(`${goal} messages are ${state}`, isReached, options)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function openWithLongTimeout(config: Config): Database {
  const database = openDatabase(config, 4)
  database.options.query_timeout = TEN_MINUTES_MS
  return database
}
