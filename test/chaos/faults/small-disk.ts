import { statfs } from 'node:fs/promises'
import { execa } from 'execa'
import pRetry from 'p-retry'

/** A file system of its own that can be made full. Disposing of it unmounts it. */
export interface SmallDisk extends AsyncDisposable {
  fill(): Promise<void>
  /** Gives it its room back. */
  free(): Promise<void>
}

const SIZE = '4g'

/** Mounts a file system in memory on a directory. @throws {Error} without the right to mount */
export async function mountSmallDisk(directory: string): Promise<SmallDisk> {
  const mount = async (...options: string[]) =>
    void (await execa('mount', ['-t', 'tmpfs', '-o', options.join(','), 'tmpfs', directory]))
  await mount(`size=${SIZE}`)
  return {
    // Shrunk to what it holds: a file that fills it would take as much memory. The server writes meanwhile, hence the retries.
    fill: () =>
      pRetry(
        async () => {
          const { blocks, bfree, bsize } = await statfs(directory)
          await mount('remount', `size=${(blocks - bfree) * bsize}`)
        },
        { retries: 50, factor: 1, minTimeout: 20 },
      ),
    free: () => mount('remount', `size=${SIZE}`),
    [Symbol.asyncDispose]: async () => void (await execa('umount', ['-l', directory])),
  }
}
