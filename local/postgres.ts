import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../pipeline/config.ts'
import { openDatabase } from '../sql/database.ts'
import type { Child } from './child-process.ts'
import { type LocalServer, type ServerOptions, prepareServer, startServer } from './local-server.ts'
import { type ClusterOptions, preparePostgres } from './postgres-install.ts'

/** The superuser of a Postgres, and where it listens. */
export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export interface PostgresOptions extends ServerOptions, ClusterOptions {
  /** Created where it is missing. */
  readonly database: string
  /** Further settings of Postgres, such as ssl_cert_file. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface LocalPostgres extends LocalServer, Login {
  readonly database: string
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '128MB',
  max_connections: 200,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
}

/**
 * Starts a Postgres 18 and resolves when it accepts connections. It is as durable as one in production (fsync is on),
 * because it has to survive SIGKILL.
 * @throws {UserError} when the port is taken, the disk is full, or Postgres cannot run here
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { port, user, password, database } = options
  const dataDir = await prepareServer('Postgres', options)
  const { bin, cluster, runAs } = await preparePostgres({ ...options, dataDir })
  const login = { host: '127.0.0.1', port, user, password, database }
  const settings = Object.entries({ port, ...SETTINGS, ...options.settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  const server = await startServer(
    {
      name: 'Postgres',
      command: join(bin, 'postgres'),
      args: ['-D', cluster, ...settings],
      cwd: cluster,
      user: runAs,
      isReady: () => acceptsConnections(login),
      // A fast shutdown: Postgres ends the sessions, writes a checkpoint and exits.
      stopSignal: 'SIGINT',
      kill: killWithBackends,
    },
    options,
  )
  return Object.assign(server, login)
}

/** SQLSTATE cannot_connect_now: Postgres is starting, or recovering from a crash. */
const CANNOT_CONNECT_NOW = '57P03'

/**
 * Whether Postgres accepts connections; the database then exists.
 * @throws the server's error when it refuses for good, such as a wrong password
 */
async function acceptsConnections({ host, port, user, password, database }: Login & { database: string }) {
  const config = readConfig({
    DB_HOST: host,
    DB_PORT: String(port),
    DB_USER: user,
    DB_PASSWORD: password,
    DB_NAME: 'postgres',
    DB_SSLMODE: 'disable',
  })
  const pool = openDatabase(config, 1)
  try {
    const { rows } = await pool.query<{ statement: string }>(
      `select format('create database %I', $1::text) as statement
      where not exists (select from pg_database where datname = $1)`,
      [database],
    )
    for (const { statement } of rows) await pool.query(statement)
    return true
  } catch (error) {
    // Only errors of Postgres itself have a severity; those of the network pass.
    const { severity, code } = error as { severity?: string; code?: string }
    if (severity !== undefined && code !== CANNOT_CONNECT_NOW) throw error
    return false
  } finally {
    await pool.end()
  }
}

/**
 * Sends a signal to Postgres and its own children, which it puts into process groups of their own. Without /proc only
 * Postgres itself gets it.
 */
function killWithBackends(child: Child, signal: NodeJS.Signals): void {
  // A stopped parent starts no more children and reaps none, so the list stays right.
  child.kill('SIGSTOP')
  const list = `/proc/${child.pid}/task/${child.pid}/children`
  const backends = child.ended || !existsSync(list) ? '' : readFileSync(list, 'utf8')
  for (const pid of backends.split(' ').filter(Boolean)) process.kill(Number(pid), signal)
  child.kill(signal)
  if (signal !== 'SIGSTOP') child.kill('SIGCONT')
}
