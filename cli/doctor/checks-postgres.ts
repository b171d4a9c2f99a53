import { isBad, type Verdict } from '../../monitor/verdict.ts'
import type { Config } from '../../pipeline/config.ts'
import { readServerState, type Database } from '../../sql/database.ts'
import { compareMigrations } from '../../sql/migrate.ts'
import { readDaysAhead } from '../../sql/partitions.ts'
import { readLatestSamples, type LatestSample } from '../../sql/read-status.ts'
import { withDatabase } from '../servers.ts'
import { attempt, checkClock, failure, pass, unreachable, warning, type Finding, type ServerFindings } from './finding.ts'

/** @param clock milliseconds since the epoch */
export async function checkPostgres(config: Config, clock: () => number): Promise<ServerFindings> {
  const address = `${config.DB_HOST}:${config.DB_PORT}`
  try {
    return await withDatabase(config, async (database) => {
      const { version } = await readServerState(database)
      const readNow = async () => (await readServerState(database)).now
      const migrations = await compareMigrations(database)
      const findings = [
        judgeVersion(version, address),
        judgeMigrations(migrations),
        await checkClock('postgres-clock', 'Postgres', readNow, clock),
      ]
      // Without all tables the other queries fail.
      const rest = migrations.missing.length > 0 ? [] : await checkTables(database, config)
      return { isThere: true, findings: [...findings, ...rest] }
    })
  } catch (error) {
    const others = 'migrations, postgres-clock, partitions-ahead, monitor'
    return unreachable(error, { server: 'Postgres', address, others }, config)
  }
}

async function checkTables(database: Database, config: Config): Promise<Finding[]> {
  const findings = await Promise.all([
    attempt('partitions-ahead', config, async () => [judgeDaysAhead((await readDaysAhead(database)) ?? 0)]),
    attempt('monitor', config, async () => [judgeSamples(await readLatestSamples(database), config)]),
  ])
  return findings.flat()
}

/** The first version with uuidv7(). */
const OLDEST_POSTGRES = 18

export function judgeVersion(version: string, address: string): Finding {
  if (Number.parseInt(version, 10) >= OLDEST_POSTGRES) return pass('postgres', `Postgres ${version} at ${address} answers`)
  return failure('postgres', `Postgres at ${address} is ${version}, too old`, `use Postgres ${OLDEST_POSTGRES} or newer`)
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

/** @param samples of the monitor, of the last 20 s */
export function judgeSamples(
  samples: ReadonlyMap<string, Pick<LatestSample, 'verdict' | 'sentence'>>,
  { START_COMMAND }: Pick<Config, 'START_COMMAND'>,
): Finding {
  if (samples.size === 0) {
    const message = 'The monitor has written no sample for 20 s, so there are no verdicts, no alerts and no new partitions'
    return failure('monitor', message, `start it: \`${START_COMMAND ?? 'throughline'} monitor\``)
  }
  const bad = [...samples.values()].filter(({ verdict }) => isBad(verdict as Verdict))
  if (bad.length === 0) return pass('monitor', 'The monitor runs, and no verdict is bad')
  const message = bad.map(({ sentence, verdict }) => `${sentence} (${verdict})`).join('; ')
  const remedy = 'look at the dashboard Pipeline or `npx throughline status`'
  const isSlow = bad.every(({ verdict }) => verdict === 'FALLING BEHIND')
  return isSlow ? warning('monitor', message, remedy) : failure('monitor', message, remedy)
}
