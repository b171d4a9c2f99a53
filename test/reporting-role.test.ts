import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { freePort, temporaryDirectory } from '../local/host-resources.ts'
import { startPostgres, type LocalPostgres } from '../local/postgres.ts'
import { readConfig } from '../pipeline/config.ts'
import { createLeaderLock } from '../monitor/leader-lock.ts'
import { readProjectFile } from './compose/compose-file.ts'
import { startProbed } from './support/processes/probed-process.ts'
import { throughline } from './support/processes/throughline-cli.ts'

/** A separate Postgres, because a role belongs to the whole server. */
const stack = new AsyncDisposableStack()
const database = 'flow_results'
let server: LocalPostgres

async function query(login: ClientConfig, text: string) {
  const client = new Client({ host: server.host, port: server.port, database, ...login })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const superuser = { user: 'boss', password: 'boss' }
const owner = { user: 'flow', password: 'flow' }
const grafana = { user: 'grafana', password: "it's \\ secret" }

/** Runs the SQL of sql/postgres-roles.sh, without psql. */
async function runRolesScript() {
  const [, script = ''] = /<<'SQL'\n([^]*)\nSQL\n/.exec(readProjectFile('sql/postgres-roles.sh')) ?? []
  const variables = { user: 'flow', password: 'flow', database, pgweb_password: 'pgweb' }
  const text = script.replaceAll(/:(["'])(\w+)\1/g, (_, quote: string, name: keyof typeof variables) => {
    return quote + variables[name] + quote
  })
  const [statements = '', generator = ''] = text.replaceAll(/\\(gexec\s*$|getenv .*)/g, '').split(/(?=^select )/m)
  await query(superuser, statements)
  for (const row of await query(superuser, `select * from (${generator}) as statements (first, second)`)) {
    for (const statement of Object.values(row)) await query(superuser, String(statement))
  }
}

const environment = (login: { user: string; password: string }) => ({
  DB_HOST: server.host,
  DB_PORT: String(server.port),
  DB_NAME: database,
  DB_USER: login.user,
  DB_PASSWORD: login.password,
})

const migrate = (login: { user: string; password: string }, password: string) =>
  throughline(['migrate'], {
    env: { ...environment(login), TOPICS_AUTO_CREATE: 'false', GRAFANA_DB_PASSWORD: password },
  })

beforeAll(async () => {
  const data = stack.use(await temporaryDirectory())
  const options = { port: await freePort(), dataDir: join(data.path, 'postgres') }
  server = stack.use(await startPostgres({ ...options, ...superuser, database }))
  await runRolesScript()
})
afterAll(() => stack.disposeAsync())

test('migrate creates the role', async () => {
  expect(await migrate(owner, grafana.password)).toMatchObject({ code: 0, stderr: '' })
  expect(await query(grafana, 'select current_user as me')).toEqual([{ me: 'grafana' }])
})

test('migrate runs again while a monitor holds its lock, as in every later `docker compose up`', async () => {
  const lock = createLeaderLock(readConfig(environment(owner)))
  try {
    expect(await lock.acquire()).toBe(true)
    expect(await migrate(owner, grafana.password)).toMatchObject({ code: 0, stderr: '' })
  } finally {
    lock.release()
  }
})

const relations = (...kinds: string[]) =>
  query(
    owner,
    `select relname as name from pg_class where relkind in ('${kinds.join("', '")}')
                and relnamespace = 'public'::regnamespace`,
  )

test('the role can select from every view', async () => {
  const views = await relations('v')
  expect(views.map(({ name }) => name)).toContain('steps')
  for (const { name } of views) await query(grafana, `select * from ${String(name)} limit 1`)
})

test('neither this role nor another can select from a table or a partition, also from a later one', async () => {
  await query(superuser, `create role other_role login password 'n'; grant connect on database ${database} to other_role`)
  await query(owner, "select make_day_partition('results', '2099-12-31')")
  const tables = await relations('r', 'p')
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['results', 'results_past', 'results_20991231', 'counters']),
  )
  for (const { name } of tables) {
    const reading = `select * from ${String(name)} limit 1`
    await expect(query(grafana, reading)).rejects.toThrow(/permission denied for table/)
    await expect(query({ user: 'other_role', password: 'n' }, reading)).rejects.toThrow(/permission denied for table/)
  }
})

test.each([
  'insert into stages values ($$mine$$, 99, $$mine$$)',
  'delete from end_to_end',
  'select maintain_partitions(1)',
  "select make_day_partition('results', '2099-12-30')",
  'create table mine (x int)',
  'create temporary table mine (x int)',
  'create view mine as select 1',
  'create schema mine',
  'create role mine',
  "create function mine() returns int language sql as 'select 1'",
  "select pg_read_file('/etc/passwd')",
  "copy (select 1) to program 'id'",
  "copy (select 1) to '/tmp/mine'",
  'set role flow',
  'lock table results',
  'alter system set work_mem = 1',
  'set temp_file_limit = -1',
  'alter role grafana connection limit 1000',
  'select pg_terminate_backend(pid) from pg_stat_activity where usename = $$flow$$',
  ...['lock(1)', 'try_advisory_lock(1)', 'lock(1, 2)', 'xact_lock(1)', 'lock_shared(1)'].map(
    (call) => `select pg_${call.replace(/^(?!try)/, 'advisory_')}`,
  ),
  'select lo_create(0)',
  'select lo_creat(-1)',
  "select lo_from_bytea(0, 'x')",
])('the role is refused also in a read-write transaction: %s', async (text) => {
  // One of the statements would end it.
  await using _ofOwner = await openSessions(1, { text: 'select 1', login: owner })
  await expect(query(grafana, text.startsWith('alter system') ? text : `begin read write; ${text}`)).rejects.toThrow(
    /permission denied|must be (superuser|owner)/,
  )
})

test('the role has read-only transactions, timeouts, and a limit of temporary files', async () => {
  const names = ['default_transaction_read_only', 'statement_timeout', 'idle_in_transaction_session_timeout']
  const shown = [...names, 'temp_file_limit'].map((name) => `current_setting('${name}') as ${name}`)
  const [settings] = await query(grafana, `select ${shown.join(', ')}`)
  expect(settings).toEqual({
    default_transaction_read_only: 'on',
    statement_timeout: '10s',
    idle_in_transaction_session_timeout: '10s',
    temp_file_limit: '256MB',
  })
  await expect(query(grafana, 'select pg_sleep(3600)')).rejects.toThrow(/statement timeout/)
  const large =
    'select count(*) from (select repeat(md5(n::text), 100) as t from generate_series(1, 90000) as n order by t) as s'
  await expect(query(grafana, `set statement_timeout = 0; set work_mem = '64kB'; ${large}`)).rejects.toThrow(
    /exceeds "temp_file_limit"/,
  )
})

async function openSessions(count: number, { text, login = grafana }: { text: string; login?: ClientConfig }) {
  const clients = Array.from(
    { length: count },
    () => new Client({ host: server.host, port: server.port, database, ...login }),
  )
  const results = clients.map(async (client) => {
    // The monitor ends the session.
    client.on('error', () => {})
    await client.connect()
    await client.query(text)
  })
  const failed = (await Promise.allSettled(results)).flatMap((result) =>
    result.status === 'rejected' ? [String(result.reason)] : [],
  )
  const end = () => Promise.all(clients.map((client) => client.end()))
  return { failed, [Symbol.asyncDispose]: async () => void (await end()) }
}

test('the role has at most 30 connections, and with them the pipeline works on', async () => {
  await using sessions = await openSessions(40, { text: 'select 1' })
  expect(sessions.failed).toHaveLength(10)
  expect(sessions.failed[0]).toMatch(/too many connections for role "grafana"/)
  expect(await query(owner, 'select count(*) from results')).toEqual([{ count: '0' }])
})

test('the monitor ends sessions in which a role that only reads has raised its timeouts, or holds an advisory lock', async () => {
  // As in a Postgres where sql/postgres-roles.sh did not run.
  await query(superuser, 'grant execute on function pg_advisory_lock(bigint) to grafana')
  const never = 'set statement_timeout = 0; set idle_in_transaction_session_timeout = 0'
  await using _transaction = await openSessions(1, { text: `${never}; begin; select * from steps` })
  const pgweb = { user: 'pgweb', password: 'pgweb' }
  await using _ofPgweb = await openSessions(1, { text: `${never}; begin; select * from results`, login: pgweb })
  await using _lock = await openSessions(1, { text: `${never}; select pg_advisory_lock(7403119)` })
  const env = { ...environment(owner), BOOTSTRAP_SERVERS: inject('kafka'), TOPIC_PREFIX: 'of-no-topic.' }
  await using monitor = await startProbed(['monitor'], env)
  const wait = { timeout: 120_000, interval: 200 }
  await expect.poll(() => monitor.logged(/^Watching\.$/), wait).toHaveLength(1)
  const sessions = () => query(superuser, "select pid from pg_stat_activity where usename in ('grafana', 'pgweb')")
  await expect.poll(sessions, wait).toEqual([])
  const lines = monitor.logged(/^Ended sessions of grafana or pgweb that blocked the database: \d+\.$/)
  expect(lines.reduce((sum, line) => sum + Number(/(\d+)\.$/.exec(line)?.[1]), 0)).toBe(3)
})

test('a later migrate updates the password and the grants, also on a new view', async () => {
  await query(owner, 'create view lately as select count(*) from results; grant select on results to grafana')
  expect((await migrate(owner, 'another')).code).toBe(0)
  const renewed = { ...grafana, password: 'another' }
  expect(await query(renewed, 'select * from lately')).toEqual([{ count: '0' }])
  await expect(query(renewed, 'select from results')).rejects.toThrow(/permission denied/)
  await expect(query(grafana, 'select 1')).rejects.toThrow(/password authentication failed/)
})

test('without the right to create roles, migrate logs that and continues', async () => {
  await query(superuser, 'alter role flow nocreaterole; revoke grafana from flow cascade')
  const { code, stdout } = await migrate(owner, 'yet another')
  expect(code).toBe(0)
  expect(stdout).toContain('The role grafana could not be created, so Grafana reads no rows')
  // Postgres logs the text of a statement that fails.
  expect(server.outputTail()).toContain('alter role grafana login password')
  expect(server.outputTail()).not.toContain('yet another')
})
