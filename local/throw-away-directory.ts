import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ThrowAwayDirectory extends AsyncDisposable {
  readonly path: string
  remove(): Promise<void>
}

/** A new directory among the system's temporary ones, for data that nobody wants to keep. */
export async function throwAwayDirectory(): Promise<ThrowAwayDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'throughline-'))
  // Postgres must not run as root: the user it runs as instead has to get through here to its own data.
  await chmod(path, 0o711)
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 })
  return { path, remove, [Symbol.asyncDispose]: remove }
}
