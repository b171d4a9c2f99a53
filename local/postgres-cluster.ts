import { existsSync } from 'node:fs'
import { chown, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './run-to-end.ts'
import { type SystemUser, may } from './system-user.ts'

export interface ClusterOptions {
  readonly initdb: string
  readonly dataDir: string
  /** The superuser that the new cluster gets. */
  readonly user: string
  readonly password: string
  /** Whom Postgres runs as, when that is not us. */
  readonly runAs: SystemUser | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * A directory for Postgres' data, which its user may write.
 * @throws {UserError} when that user cannot get there
 */
export async function prepareDataDir(dataDir: string, runAs: SystemUser | undefined): Promise<void> {
  await mkdir(dataDir, { recursive: true })
  if (runAs === undefined) return
  await chown(dataDir, runAs.uid, runAs.gid)
  if (await may(runAs, '-w', dataDir)) return
  throw new UserError(
    `Postgres refuses to run as root, so it runs as ${runAs.name}, who cannot reach ${dataDir}: choose a directory that others may enter, or become an ordinary user.`,
  )
}

/** The directory of a cluster in `dataDir`: the one that is there, or a new and empty one. */
export async function postgresCluster(options: ClusterOptions): Promise<string> {
  const { dataDir, runAs } = options
  const cluster = join(dataDir, 'cluster')
  if (existsSync(cluster)) return cluster
  // Renamed when it is whole, so that an interrupted start leaves nothing that looks like a cluster.
  const unfinished = `${cluster}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  const passwordFile = join(dataDir, 'password')
  await writeFile(passwordFile, `${options.password}\n`, { mode: 0o600 })
  try {
    if (runAs !== undefined) await chown(passwordFile, runAs.uid, runAs.gid)
    const { initdb, signal } = options
    const args = [...initdbArgs(options.user), `--pwfile=${passwordFile}`, `--pgdata=${unfinished}`]
    await runToEnd({ name: 'initdb', command: initdb, args, cwd: dataDir, user: runAs, signal })
  } finally {
    await rm(passwordFile)
  }
  await rename(unfinished, cluster)
  return cluster
}

function initdbArgs(user: string): string[] {
  // A locale that Postgres brings itself sorts alike on every machine.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  return ['--no-instructions', '--auth=scram-sha-256', `--username=${user}`, ...locale]
}
