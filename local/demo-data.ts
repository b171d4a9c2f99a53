import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { throwAwayDirectory } from './throw-away-directory.ts'

/** Where the demo has its data. Disposing throws it away, unless it is kept. */
export interface DemoData extends AsyncDisposable {
  readonly path: string
  readonly logPath: string
  /** What a person should know about it. */
  readonly about: string
  /** Makes the log outlive its directory. Returns where it is. */
  saveLog(): Promise<string>
}

const KEPT = join(import.meta.dirname, '..', '.data')
const LOG = 'demo.log'

export async function openData(keep: boolean): Promise<DemoData> {
  return keep ? await keptData() : await throwAwayData()
}

async function keptData(): Promise<DemoData> {
  const about = existsSync(KEPT)
    ? 'goes on with the data in .data'
    : 'keeps its data in .data, and goes on with it when you start it with --keep again'
  await mkdir(KEPT, { recursive: true })
  const logPath = join(KEPT, LOG)
  return { path: KEPT, logPath, about, saveLog: async () => logPath, async [Symbol.asyncDispose]() {} }
}

async function throwAwayData(): Promise<DemoData> {
  const { path, remove } = await throwAwayDirectory()
  const logPath = join(path, LOG)
  return {
    path,
    logPath,
    about: 'throws its data away at the end; --keep keeps it',
    async saveLog() {
      const saved = `${path}.log`
      await rename(logPath, saved)
      return saved
    },
    [Symbol.asyncDispose]: remove,
  }
}
