import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import type { Pool } from 'pg'
import type { Log } from '../telemetry/log.ts'
import { keepPartitions } from './partitions.ts'

const directory = fileURLToPath(new URL('./migrations', import.meta.url))

/** Any number does, as long as it is always the same: one migration at a time, the others wait for it. */
const LOCK = 7_403_118

/** Days: nothing is that old. */
const FOREVER = 36_500

/**
 * Brings the database to the newest of the numbered files in `sql/migrations`, and makes the partitions of the days ahead, which
 * the monitor does from then on. Safe to start any number of times at once.
 */
export async function migrateDatabase(database: Pool, log: Log): Promise<string[]> {
  const client = await database.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK])
    const done = await runner({
      dbClient: client,
      dir: directory,
      ignorePattern: String.raw`.*\.(md|test\.ts)`,
      direction: 'up',
      migrationsTable: 'migrations',
      // We hold a lock that waits; node-pg-migrate's own gives up at once.
      noLock: true,
      logger: {
        info: (line) => log.debug(line),
        warn: (line) => log.warn(line),
        error: (line) => log.error(line),
      },
    })
    await keepPartitions(client, FOREVER, () => true)
    return done.map(({ name }) => name)
  } finally {
    // Closing the connection gives the lock back, whatever happened.
    client.release(true)
  }
}
