import type { Config } from '../../pipeline/config.ts'
import { startCommand } from '../../pipeline/route.ts'
import { type Database, type Queryable, readServerState } from '../../sql/database.ts'
import { compareMigrations } from '../../sql/migrate.ts'
import { readDaysAhead } from '../../sql/partitions.ts'
import { readLatestSamples } from '../../sql/read-status.ts'
import { WaitTimeout, waitUntil } from '../../telemetry/wait-until.ts'
import { withDatabase } from '../servers.ts'
import { attempt, checkClock, checkServer, failure, pass, type Finding, type ServerFindings } from './finding.ts'

interface Options {
  /** Milliseconds since the epoch. */
  readonly clock: () => number
  /** Milliseconds to wait for a sample of the monitor. */
  readonly timeoutMs: number
}

export async function checkPostgres(config: Config, { clock, timeoutMs }: Options): Promise<ServerFindings> {
  const address = `${config.DB_HOST}:${config.DB_PORT}`
  const others = 'migrations, postgres-clock, partitions-ahead, monitor'
  const check = async (database: Database): Promise<Finding[]> => {
    const { version } = await readServerState(database)
    const readNow = async () => (await readServerState(database)).now
    const migrations = await compareMigrations(database)
    const findings = [
      pass('postgres', `Postgres ${version} at ${address} answers`),
      judgeMigrations(migrations),
      await checkClock({ check: 'postgres-clock', server: 'Postgres' }, readNow, clock),
    ]
    // Without all tables these queries fail.
    if (migrations.missing.length > 0) return findings
    const readDays = async () => judgeDaysAhead((await readDaysAhead(database)) ?? 0)
    const days = await attempt('partitions-ahead', config, readDays)
    const command = startCommand(config, 'monitor')
    const monitor = await attempt('monitor', config, async () =>
      judgeMonitor(await countSamples(database, timeoutMs), command),
    )
    return [...findings, ...days, ...monitor]
  }
  const run = () => withDatabase(config, check)
  return await checkServer({ server: 'Postgres', address, others, run }, config)
}

export function judgeMigrations({ missing, unknown }: Awaited<ReturnType<typeof compareMigrations>>): Finding {
  if (missing.length > 0) {
    const message = `The database lacks ${missing.join(', ')} (not checked: partitions-ahead, monitor)`
    return failure('migrations', message, 'run `npx throughline migrate`')
  }
  if (unknown.length > 0) {
    const message = `The database has migrations that are not in sql/migrations, ${unknown.join(', ')}`
    return failure('migrations', message, 'run the version of this project that made them, or a newer one')
  }
  return pass('migrations', 'All migrations have run')
}

/** @param days for which all tables have partitions, after today */
export function judgeDaysAhead(days: number): Finding {
  if (days > 0) return pass('partitions-ahead', `The tables have partitions for ${days} day(s) ahead`)
  const message = "Tomorrow's partition is missing, so its rows would go into the default partition"
  return failure('partitions-ahead', message, 'start the monitor, which makes it, or run `npx throughline migrate`')
}

/** The monitor's samples in the last 20 s. A monitor that has just started writes its first after up to 10 s. */
async function countSamples(database: Queryable, timeoutMs: number): Promise<number> {
  const count = async () => (await readLatestSamples(database)).size || undefined
  return await waitUntil('a sample of the monitor', count, { timeoutMs, everyMs: 500 }).catch((error: unknown) => {
    if (error instanceof WaitTimeout) return 0
    throw error
  })
}

/**
 * @param samples of the monitor in the last 20 s
 * @param command that starts the monitor
 */
export function judgeMonitor(samples: number, command: string): Finding {
  if (samples > 0) return pass('monitor', 'The monitor runs')
  const message = 'The monitor has written no sample for 20 s, so there are no verdicts, no alerts and no new partitions'
  return failure('monitor', message, `start it: \`${command}\``)
}
