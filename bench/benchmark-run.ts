import { randomBytes } from 'node:crypto'
import { runToEnd } from '../local/child-process.ts'
import { createKafka } from '../kafka/client.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { childEnvironment, readConfig, type Config } from '../pipeline/config.ts'
import { endTopics, routeOf, topicPlan, tracerName } from '../pipeline/route.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { createLog } from '../telemetry/log.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import type { DedicatedServers } from '../test/support/processes/dedicated-servers.ts'
import { throughline } from './processes.ts'

/** An empty database and empty topics, on the servers of a suite. Disposing removes both. */
export interface BenchmarkRun extends AsyncDisposable {
  /** The whole environment of its processes. */
  readonly env: NodeJS.ProcessEnv
  readonly config: Config
  /** Four connections, without the short timeouts of the pipeline. */
  readonly database: Database
  /** How many messages a stage or the tracer has committed, as the broker knows it: Postgres is busy enough. */
  committed(name: string): Promise<number>
}

/** Twelve integers from 1,000 to 100,000: what the generator makes, unless a case has other settings. */
const twelveIntegers = { COUNT_MIN: '12', COUNT_MAX: '12', NUMBERS_DECIMALS: '0' }
const TEN_MINUTES_MS = 600_000

/** @param settings variables of its processes, such as TOPIC_PARTITIONS */
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
  const running = starting.move()
  return {
    env,
    config,
    database,
    async committed(name) {
      const { group, topics } = consumerGroup(config, name)
      const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] })
      const offsets = committed.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset)))
      // -1 before the first commit. The topics begin at offset 0.
      return offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function openWithLongTimeout(config: Config): Database {
  const database = openDatabase(config, 4)
  database.options.query_timeout = TEN_MINUTES_MS
  return database
}

function consumerGroup(config: Config, name: string) {
  if (name === tracerName) return endTopics(config)
  const { group, source } = routeOf(config, name)
  return { group, topics: [source] }
}

export interface CountOptions {
  readonly goal: number
  readonly everyMs?: number
  readonly signal: AbortSignal
}

/** Waits until a count reaches its goal. @throws {Error} when it has not changed for a minute */
export async function waitForCount(
  what: string,
  count: () => Promise<number>,
  { goal, everyMs = 100, signal }: CountOptions,
): Promise<void> {
  let latest = Number.NaN
  const isReached = async () => (latest = await count()) >= goal
  await waitUntil(what, isReached, { timeoutMs: 60_000, everyMs, progress: () => latest, signal })
}
