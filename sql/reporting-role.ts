import { DatabaseError } from 'pg'
import { type Database, type Queryable, transaction } from './database.ts'
import type { Log } from '../telemetry/log.ts'

/** The login of the dashboards. Every viewer of a dashboard may ask in SQL whatever this role may. */
const reportingRole = 'grafana'

/** The lock of `keep_partitions`: no partition comes or goes meanwhile, nor is there another that grants. */
const LOCK = 7_403_121

/** The server writes the statements, for utility statements take no parameters: %I quotes a name, %L a text. */
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
 * Makes the role that may select from the reporting views, and nothing else, or brings it up to date. A view reads its
 * tables with the rights of its owner, so no table is open to this role, nor any partition, old or new.
 * Where we may not make roles, as in some managed databases, a warning says what is left to do.
 */
export async function makeReportingRole(database: Database, password: string, log: Log): Promise<void> {
  try {
    await transaction(database, (client) => grant(client, password))
  } catch (cause) {
    if (!isForbidden(cause)) throw cause
    log.warn(
      `Postgres lets us make no role ${reportingRole}, so Grafana reads no rows (${cause.message}): a role that may ` +
        `make others makes it, with LOGIN, the password of GRAFANA_DB_PASSWORD and SELECT on the views of the schema public.`,
    )
  }
}

async function grant(client: Queryable, password: string): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [LOCK])
  const known = await client.query('select from pg_roles where rolname = $1', [reportingRole])
  if (known.rowCount === 0) await client.query(`create role ${reportingRole}`)
  const { rows } = await client.query<{ statement: string }>(statements, [reportingRole, password])
  for (const { statement } of rows) await client.query(statement)
}

const INSUFFICIENT_PRIVILEGE = '42501'

function isForbidden(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE
}
