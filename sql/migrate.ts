import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import { DatabaseError } from 'pg'
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

/** The login of the dashboards. Every viewer of a dashboard can run any SQL that this role may run. */
const reportingRole = 'grafana'

const INSUFFICIENT_PRIVILEGE = '42501'

/** The lock of `maintain_partitions`: no partition is made or dropped while rights are granted. */
const PARTITIONS_LOCK = 7_403_121

/** Postgres formats the statements, since utility statements take no parameters: %I quotes a name, %L a text. */
const statements = `
with ours as (
  select relkind, oid::regclass::text as name from pg_class
  where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and pg_has_role(relowner, 'usage')
)
select format(statement, $1::text, value) as statement
from (values
  ('alter role %I login password %L connection limit 30', $2::text),
  ('alter role %I set default_transaction_read_only = on', null),
  ('alter role %I set statement_timeout = %L', '10s'),
  ('revoke all on %2$s from %1$I, public', (select string_agg(name, ', ') from ours)),
  ('revoke temporary on database %2$I from %1$I, public', current_database()::text),
  ('grant connect on database %2$I to %1$I', current_database()::text),
  ('grant usage on schema public to %I', null),
  ('grant select on %2$s to %1$I', (select string_agg(name, ', ') from ours where relkind = 'v'))
) as needed (statement, value)`

/**
 * Creates or updates the role that may select from the reporting views and nothing else. A view reads its tables with the rights
 * of its owner, so the role needs no right on a table or partition.
 * Without the right to create roles, as in some managed databases, a warning says how to do it by hand.
 */
export async function makeReportingRole(database: Database, password: string, log: Log): Promise<void> {
  try {
    await transaction(database, (client) => grant(client, password))
  } catch (cause) {
    if (!(cause instanceof DatabaseError) || cause.code !== INSUFFICIENT_PRIVILEGE) throw cause
    log.warn(
      `The role ${reportingRole} could not be created, so Grafana reads no rows (${cause.message}): create it as a role that ` +
        `may, with LOGIN, the password of GRAFANA_DB_PASSWORD and SELECT on the views of the schema public.`,
    )
  }
}

async function grant(client: Queryable, password: string): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [PARTITIONS_LOCK])
  const known = await client.query('select from pg_roles where rolname = $1', [reportingRole])
  if (known.rowCount === 0) await client.query(`create role ${reportingRole}`)
  const needed = await select<{ statement: string }>(client, statements, [reportingRole, password])
  for (const { statement } of needed) await client.query(statement)
}
