import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort, temporaryDirectory } from '../local/host-resources.ts'
import { startPostgres } from '../local/postgres.ts'
import { readConfig } from '../pipeline/config.ts'
import { createLeaderLock } from '../monitor/leader-lock.ts'
import { throughline } from './support/processes/throughline-cli.ts'

/** A separate Postgres, because a role belongs to the whole server. */
const stack = new AsyncDisposableStack()
const database = 'flow_results'
let server: { readonly host: string; readonly port: number }

async function query(login: ClientConfig, text: string) {
  const client = new Client({ ...server, database, ...login })
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
  await query(
    superuser,
    `create role flow login createrole password 'flow';
     alter database ${database} owner to flow;
     alter schema public owner to flow`,
  )
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
  await query(superuser, "create role other_role login password 'n'")
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
  "select pg_read_file('/etc/passwd')",
  "copy (select 1) to program 'id'",
  'set role flow',
])('the role is refused also in a read-write transaction: %s', async (text) => {
  await expect(query(grafana, `begin read write; ${text}`)).rejects.toThrow(/permission denied|must be (superuser|owner)/)
})

test('the role has read-only transactions and a statement timeout', async () => {
  const [settings] = await query(
    grafana,
    "select current_setting('default_transaction_read_only') as read_only, current_setting('statement_timeout') as timeout",
  )
  expect(settings).toEqual({ read_only: 'on', timeout: '10s' })
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
  await query(superuser, 'alter role flow nocreaterole; revoke grafana from flow')
  const { code, stdout } = await migrate(owner, 'yet another')
  expect(code).toBe(0)
  expect(stdout).toContain('The role grafana could not be created, so Grafana reads no rows')
})
