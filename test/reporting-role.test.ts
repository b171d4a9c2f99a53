import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../local/free-port.ts'
import { startPostgres } from '../local/postgres.ts'
import { throwAwayDirectory } from '../local/throw-away-directory.ts'
import { readConfig } from '../pipeline/config.ts'
import { createSeat } from '../monitor/seat.ts'
import { throughline } from './support/cli-process.ts'

/** A Postgres of its own, since a role belongs to the whole server. */
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
  const data = stack.use(await throwAwayDirectory())
  const options = { port: await freePort(), dataDir: join(data.path, 'postgres'), say: () => {} }
  server = stack.use(await startPostgres({ ...options, ...superuser, database }))
  await query(
    superuser,
    `create role flow login createrole password 'flow';
     alter database ${database} owner to flow;
     alter schema public owner to flow`,
  )
})
afterAll(() => stack.disposeAsync())

test('migrate makes the role', async () => {
  expect(await migrate(owner, grafana.password)).toMatchObject({ code: 0, stderr: '' })
  expect(await query(grafana, 'select current_user as me')).toEqual([{ me: 'grafana' }])
})

test('migrate runs again beside a monitor, as in every later `docker compose up`', async () => {
  const seat = createSeat(readConfig(environment(owner)))
  try {
    expect(await seat.hold()).toBe(true)
    expect(await migrate(owner, grafana.password)).toMatchObject({ code: 0, stderr: '' })
  } finally {
    seat.leave()
  }
})

const relations = (...kinds: string[]) =>
  query(
    owner,
    `select relname as name from pg_class where relkind in ('${kinds.join("', '")}')
                and relnamespace = 'public'::regnamespace`,
  )

test('the role reads every view', async () => {
  const views = await relations('v')
  expect(views.map(({ name }) => name)).toContain('steps')
  for (const { name } of views) await query(grafana, `select * from ${String(name)} limit 1`)
})

test('no other role reads a table or a partition, nor one that was made later', async () => {
  await query(superuser, "create role nobody_in_particular login password 'n'")
  await query(owner, "select make_day_partition('results', '2099-12-31')")
  const tables = await relations('r', 'p')
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['results', 'results_past', 'results_20991231', 'counters']),
  )
  for (const { name } of tables) {
    const reading = `select * from ${String(name)} limit 1`
    await expect(query(grafana, reading)).rejects.toThrow(/permission denied for table/)
    await expect(query({ user: 'nobody_in_particular', password: 'n' }, reading)).rejects.toThrow(
      /permission denied for table/,
    )
  }
})

test.each([
  'insert into stages values ($$mine$$, 99, $$mine$$)',
  'delete from end_to_end',
  'select keep_partitions(1)',
  "select make_day_partition('results', '2099-12-30')",
  'create table mine (x int)',
  'create temporary table mine (x int)',
  'create view mine as select 1',
  'create schema mine',
  'create role mine',
  "select pg_read_file('/etc/passwd')",
  "copy (select 1) to program 'id'",
  'set role flow',
])('the role is refused also where it need not be read-only: %s', async (text) => {
  await expect(query(grafana, `begin read write; ${text}`)).rejects.toThrow(
    /permission denied|must be (superuser|owner)/,
  )
})

test('the role reads only, and not for long', async () => {
  const [settings] = await query(
    grafana,
    "select current_setting('default_transaction_read_only') as read_only, current_setting('statement_timeout') as timeout",
  )
  expect(settings).toEqual({ read_only: 'on', timeout: '10s' })
})

test('a later migrate renews what the role may: a new password, a new view', async () => {
  await query(owner, 'create view lately as select count(*) from results; grant select on results to grafana')
  expect((await migrate(owner, 'another')).code).toBe(0)
  const renewed = { ...grafana, password: 'another' }
  expect(await query(renewed, 'select * from lately')).toEqual([{ count: '0' }])
  await expect(query(renewed, 'select from results')).rejects.toThrow(/permission denied/)
  await expect(query(grafana, 'select 1')).rejects.toThrow(/password authentication failed/)
})

test('where we may not make roles, migrate says what is missing and goes on', async () => {
  await query(superuser, 'alter role flow nocreaterole; revoke grafana from flow')
  const { code, stdout } = await migrate(owner, 'yet another')
  expect(code).toBe(0)
  expect(stdout).toContain('Postgres lets us make no role grafana, so Grafana reads no rows')
})
