import { startProcess } from '../local/pipeline-process.ts'
import { obituary } from '../local/run-to-end.ts'

/**
 * Runs a command of `throughline` that ends by itself, as a process of its own, and gives what it printed.
 * @throws {Error} with that when its exit code is not 0
 */
export async function runThroughline(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  await using child = await startProcess({ name: `throughline ${args.join(' ')}`, args, env })
  const { code } = await child.exited
  if (code !== 0) throw new Error(`${await obituary(child)}:\n${child.lastLines()}`)
  return child.lastLines()
}
