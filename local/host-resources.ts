import { randomInt } from 'node:crypto'
import { accessSync, constants, statSync } from 'node:fs'
import { type DisposableTempDir, chmod, mkdir, mkdtempDisposable, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { isFree } from '../cli/doctor/checks-before.ts'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'

/** A TCP port that is free now, or the first of several in a row. */
export async function freePort(count = 1): Promise<number> {
  // Below the ephemeral ports: a client that reconnects to a stopped server could otherwise get that server's port as its own.
  const port = randomInt(20_000, 30_000)
  for (let each = port; each < port + count; each += 1) if (!(await isFree(each))) return await freePort(count)
  return port
}

/**
 * @param changeWith how to choose another port, such as "DB_PORT"; part of the error
 * @throws {UserError} when another program listens on `port`
 */
export async function requireFreePort(port: number, name: string, changeWith?: string): Promise<void> {
  if (await isFree(port)) return
  const instead = changeWith === undefined ? 'choose another port' : `choose another port with ${changeWith}`
  throw new UserError(`Port ${port}, meant for ${name}, is taken: stop the program that uses it, or ${instead}.`)
}

const MIB = 1024 * 1024

/**
 * Creates a directory where it is missing, and checks that its file system has room.
 * @param neededMib mebibytes; the default is enough for a demo of an hour with its logs
 * @throws {UserError} when less is free
 */
export async function requireDiskSpace(directory: string, neededMib = 1024): Promise<void> {
  await mkdir(directory, { recursive: true })
  const { bavail, bsize } = await statfs(directory)
  const freeMib = Math.floor((bavail * bsize) / MIB)
  if (freeMib >= neededMib) return
  throw new UserError(
    `Only ${freeMib} MiB are free where ${directory} is, and ${neededMib} MiB are needed: free some space there.`,
  )
}

/** A new directory that is removed, with all it holds, when it is disposed of. */
export async function temporaryDirectory(): Promise<DisposableTempDir> {
  const directory = await mkdtempDisposable(join(tmpdir(), 'throughline-'))
  // Postgres, which does not run as root, has to reach its data below.
  await chmod(directory.path, 0o711)
  return directory
}

/** Servers that are used where they are installed. */
export type Program = 'tempo' | 'prometheus' | 'grafana'

/**
 * The path of a program: from its variable, such as TEMPO_BIN, else from the PATH. Undefined when it is not installed.
 * @throws {UserError} when the variable names no program
 */
export function findProgram(program: Program, env: NodeJS.ProcessEnv = childEnvironment({})): string | undefined {
  const variable = `${program.toUpperCase() as Uppercase<Program>}_BIN` as const
  const named = readConfig(env)[variable]
  if (named === undefined) return findOnPath(program, env)
  if (isProgram(named)) return resolve(named)
  throw new UserError(`${variable} is no program that can be run: ${named}`)
}

/** The path of a program on the PATH; undefined when it is not there. */
export function findOnPath(program: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const directories = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '')
  return directories.map((directory) => resolve(directory, program)).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
