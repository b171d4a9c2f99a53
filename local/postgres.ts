import { join, resolve } from 'node:path'
import { type Child, startChild } from './child-process.ts'
import { requireDiskSpace } from './disk-space.ts'
import { requireFreePort } from './free-port.ts'
import { type LocalServer, type ServerOptions, localServer } from './local-server.ts'
import { type Login, postgresAnswers } from './postgres-answers.ts'
import { postgresCluster, prepareDataDir } from './postgres-cluster.ts'
import { installedPostgres, reachableBy } from './postgres-files.ts'
import { killFamily } from './process-family.ts'
import { type SystemUser, unprivilegedUser } from './system-user.ts'
import { untilReady } from './until-ready.ts'

export interface PostgresOptions extends ServerOptions {
  readonly user: string
  readonly password: string
  /** Created when it is not there. */
  readonly database: string
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
 * Starts a Postgres 18 as durable as one on a server, for it has to survive -9, and settles when it takes connections.
 * @throws {UserError} when the port is taken, the disk is full, or Postgres cannot run here
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { port, user, password, database } = options
  const dataDir = resolve(options.dataDir)
  await requireFreePort(port, 'Postgres', options.changePortWith)
  const runAs = await unprivilegedUser()
  await prepareDataDir(dataDir, runAs)
  await requireDiskSpace(dataDir)
  const installed = await installedPostgres()
  const files =
    runAs === undefined ? installed : await reachableBy(runAs, installed, join(dataDir, 'postgres'))
  const initdb = join(files, 'bin', 'initdb')
  const cluster = await postgresCluster({ ...options, dataDir, initdb, runAs })
  const login = { host: '127.0.0.1', port, user, password }
  const server = await localServer({
    port,
    launch: () => launch({ options, postgres: join(files, 'bin', 'postgres'), cluster, runAs, login }),
    kill: killFamily,
    stop,
  })
  return Object.assign(server, { ...login, database })
}

interface Launch {
  readonly options: PostgresOptions
  readonly postgres: string
  readonly cluster: string
  readonly runAs: SystemUser | undefined
  readonly login: Login
}

async function launch(how: Launch): Promise<Child> {
  const { options, postgres, cluster, runAs, login } = how
  const settings = Object.entries({ port: options.port, ...SETTINGS }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ])
  const child = await startChild({
    name: 'Postgres',
    command: postgres,
    args: ['-D', cluster, ...settings],
    cwd: cluster,
    user: runAs,
  })
  await untilReady(child, {
    isReady: () => postgresAnswers(login, options.database),
    timeoutMs: 60_000,
    signal: options.signal,
  })
  return child
}

/** Ends the sessions, writes a checkpoint and goes: what Postgres calls a fast shutdown. */
async function stop(child: Child) {
  killFamily(child, 'SIGCONT')
  return await child.stop({ signal: 'SIGINT' })
}
