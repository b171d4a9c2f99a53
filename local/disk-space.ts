import { statfs } from 'node:fs/promises'
import { UserError } from '../telemetry/user-error.ts'

const MIB = 1024 * 1024

/**
 * Checks that the file system of an existing directory has room.
 * @param neededMib mebibytes; the default carries a demo of an hour with its logs
 * @throws {UserError} when it has less
 */
export async function requireDiskSpace(directory: string, neededMib = 1024): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  const freeMib = Math.floor((bavail * bsize) / MIB)
  if (freeMib >= neededMib) return
  throw new UserError(
    `Only ${freeMib} MiB are free where ${directory} is, and ${neededMib} MiB are needed: free some space there.`,
  )
}
