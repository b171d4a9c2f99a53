import { startProcess } from '../../local/pipeline-process.ts'
import { obituary } from '../../local/run-to-end.ts'

const PATIENCE_MS = 180_000

/**
 * Runs a command of `throughline` that ends by itself, as a process of its own, and gives what it printed.
 * @throws {Error} with that when its exit code is not 0, or it takes longer than three minutes
 */
export async function runThroughline(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  await using child = await startProcess({ name: `throughline ${args.join(' ')}`, args, env })
  const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  const { code } = await child.exited
  clearTimeout(late)
  if (code !== 0) throw new Error(`${await obituary(child)}:\n${child.lastLines()}`)
  return child.lastLines()
}
