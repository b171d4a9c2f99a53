import { join } from 'node:path'
import { execa } from 'execa'

export interface ExitResult {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** The whole environment. */
  readonly env: Readonly<NodeJS.ProcessEnv>
  /** Standard input. */
  readonly input?: string
}

const program = join(import.meta.dirname, '..', '..', '..', 'cli', 'throughline.ts')
const TIMEOUT_MS = 180_000

/** Runs a command of `throughline` to its end; it is killed after three minutes. */
export async function throughline(args: readonly string[], { env, input = '' }: RunOptions): Promise<ExitResult> {
  const child = execa(process.execPath, [program, ...args], {
    env,
    extendEnv: false,
    input,
    reject: false,
    stripFinalNewline: false,
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  const { exitCode: code, stdout, stderr } = await child
  return { code, stdout, stderr }
}

/** Runs a command of `throughline` and returns what it printed. @throws {Error} when its exit code is not 0 */
export async function runThroughline(args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await throughline(args, { env })
  if (code !== 0) throw new Error(`throughline ${args.join(' ')} exited with ${code}:\n${stdout}${stderr}`)
  return stdout
}
