import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { DatabaseError } from 'pg'
import type { Log } from '../telemetry/log.ts'
import { select, transaction, type Database, type Queryable } from './database.ts'

/** The login of the dashboards. Every viewer of a dashboard can run any SQL that this role may run. */
const reportingRole = 'grafana'
/** The roles that strangers may run SQL as; pgweb's is made by postgres-roles.sh. */
const readingRoles = [reportingRole, 'pgweb']

const INSUFFICIENT_PRIVILEGE = '42501'

/** The lock of `maintain_partitions`: no partition is made or dropped while rights are granted. */
const PARTITIONS_LOCK = 7_403_121

/**
 * Postgres formats the statements, since utility statements take no parameters: %I quotes a name, %L a text. Only a superuser, or
 * the owner of the stack's database, may set the limit of temporary files, which the role cannot raise; the timeouts it can, and
 * `endBlockingSessions` is for that. Membership lets the owner see and end the role's sessions.
 */
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
  ('alter role %I set idle_in_transaction_session_timeout = %L', '10s'),
  ('grant %I to %I', current_user::text),
  ('revoke all on %2$s from %1$I, public', (select string_agg(name, ', ') from ours)),
  ('revoke temporary on database %2$I from %1$I, public', current_database()::text),
  ('grant connect on database %2$I to %1$I', current_database()::text),
  ('grant usage on schema public to %I', null),
  ('grant select on %2$s to %1$I', (select string_agg(name, ', ') from ours where relkind = 'v'))
) as needed (statement, value)
union all
select format('alter role %I set temp_file_limit = %L', $1::text, '256MB')
where has_parameter_privilege('temp_file_limit', 'set')`

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
  const needed = await select<{ statement: string }>(client, statements, [reportingRole, scramVerifier(password)])
  for (const { statement } of needed) await client.query(statement)
}

/** What Postgres stores of a password (RFC 5803): the password itself could come into the server's log, with a failed statement. */
function scramVerifier(password: string): string {
  const [iterations, salt] = [4096, randomBytes(16)]
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256')
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest()
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${keyOf('Server Key').toString('base64')}`
}

const endBlocking = `
select pg_terminate_backend(pid) as ended from pg_stat_activity as session
where usename = any($1) and datname = current_database() and pg_has_role(usesysid, 'usage') and (
  xact_start < clock_timestamp() - interval '30 s'
  or exists (select from pg_locks where pg_locks.pid = session.pid and locktype = 'advisory')
)`

/**
 * Ends sessions of roles that only read that are in a transaction for longer than 30 s, for a role can raise its own timeouts, or
 * that hold or want an advisory lock, which the monitor and `migrate` would wait for. Returns how many.
 */
export async function endBlockingSessions(database: Queryable): Promise<number> {
  const rows = await select<{ ended: boolean }>(database, endBlocking, [readingRoles])
  return rows.filter(({ ended }) => ended).length
}
