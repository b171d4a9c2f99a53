import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import type { Log } from '../telemetry/log.ts'
import { openDatabase, select, transaction, type Database, type DatabaseConfig, type Queryable } from './database.ts'
import { maintainPartitions } from './partitions.ts'

const directory = fileURLToPath(new URL('./migrations', import.meta.url))

/** The advisory lock of migrations: one at a time, the others wait. The number is arbitrary. */
const LOCK = 7_403_118

/** Days. No row is that old, so nothing is removed. */
const FOREVER = 36_500

/** A pool without the statement timeout of other queries: a migration may take minutes, or wait for another that does. */
export function openForMigration(config: DatabaseConfig, log: Log): Database {
  const pool = openDatabase(config, 2, log)
  pool.options.query_timeout = 0
  return pool
}

/**
 * Brings the database to the newest of the numbered files in `sql/migrations`, and makes the partitions of the days ahead, which
 * the monitor does from then on. Safe to run concurrently. Returns the names of the migrations that ran.
 */
export async function migrateDatabase(database: Database, log: Log): Promise<string[]> {
  const client = await database.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK])
    const done = await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      migrationsTable: 'migrations',
      // The advisory lock above waits; node-pg-migrate's own fails at once.
      noLock: true,
      logger: {
        info: (line) => log.debug(line),
        warn: (line) => log.warn(line),
        error: (line) => log.error(line),
      },
    })
    await maintainPartitions(client, FOREVER, () => true)
    return done.map(({ name }) => name)
  } finally {
    // Closing the connection releases the lock, also after an error.
    client.release(true)
  }
}

/** Migrations that have not run yet, and those that ran and are not in `sql/migrations`: they are of another version. */
export async function compareMigrations(database: Queryable): Promise<{ missing: string[]; unknown: string[] }> {
  const names = (await readdir(directory)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4))
  const [table] = await select<{ isThere: boolean }>(database, `select to_regclass('migrations') is not null as "isThere"`)
  const rows = table?.isThere ? await select<{ name: string }>(database, 'select name from migrations order by name') : []
  const run = new Set(rows.map(({ name }) => name))
  const missing = names.filter((name) => !run.has(name)).toSorted()
  return { missing, unknown: [...run].filter((name) => !names.includes(name)) }
}

/** A stage of the catalogue: where it stands in the flow, and the topic it reads. */
interface CatalogueStage {
  readonly stage: { readonly name: string }
  readonly position: number
  readonly source: string
}

/**
 * Writes the catalogue to the table `stages`, for the reports. A stage that has left the catalogue keeps its row and its
 * position. Safe to run concurrently. Returns whether something changed.
 */
export async function writeCatalogue(database: Database, flow: readonly CatalogueStage[]): Promise<boolean> {
  const stages = flow.map(({ stage, position, source }) => ({ name: stage.name, position, topic: source }))
  return await transaction(database, async (client) => {
    // Readers go on; another writer waits here.
    await client.query('lock table stages in share row exclusive mode')
    const rows = await select(client, 'select name, position, topic from stages where is_current order by position')
    if (JSON.stringify(rows) === JSON.stringify(stages)) return false
    // The unique index on the positions of current stages is checked row by row, so no stage is current in between.
    await client.query('update stages set is_current = false')
    await client.query(
      `insert into stages (name, position, topic)
       select name, position, topic from json_to_recordset($1) as t (name text, position integer, topic text)
       on conflict (name) do update set position = excluded.position, topic = excluded.topic, is_current = true`,
      [JSON.stringify(stages)],
    )
    return true
  })
}
