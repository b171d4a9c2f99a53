import type { Config } from '../../pipeline/config.ts'
import { readServerState } from '../../sql/database.ts'
import { compareMigrations } from '../../sql/migrate.ts'
import { readDaysAhead } from '../../sql/partitions.ts'
import { withDatabase } from '../servers.ts'
import { attempt, checkClock, failure, pass, unreachable, type Finding, type ServerFindings } from './finding.ts'

/** @param clock milliseconds since the epoch */
export async function checkPostgres(config: Config, clock: () => number): Promise<ServerFindings> {
  const address = `${config.DB_HOST}:${config.DB_PORT}`
  try {
    return await withDatabase(config, async (database) => {
      const { version } = await readServerState(database)
      const readNow = async () => (await readServerState(database)).now
      const migrations = await compareMigrations(database)
      const findings = [
        pass('postgres', `Postgres ${version} at ${address} answers`),
        judgeMigrations(migrations),
        await checkClock('postgres-clock', 'Postgres', readNow, clock),
      ]
      // Without all tables this query fails.
      if (migrations.missing.length > 0) return { isThere: true, findings }
      const checkDays = async () => [judgeDaysAhead((await readDaysAhead(database)) ?? 0)]
      return { isThere: true, findings: [...findings, ...(await attempt('partitions-ahead', config, checkDays))] }
    })
  } catch (error) {
    const others = 'migrations, postgres-clock, partitions-ahead'
    return unreachable(error, { server: 'Postgres', address, others }, config)
  }
}

export function judgeMigrations({ missing, unknown }: Awaited<ReturnType<typeof compareMigrations>>): Finding {
  if (missing.length > 0) {
    const message = `The database lacks ${missing.join(', ')} (not checked: partitions-ahead)`
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
