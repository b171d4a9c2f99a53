import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Typed {
  readonly env: Readonly<Record<string, string>>
  /** What comes in at standard input. */
  readonly input?: string
}

/** Runs `throughline` as a person would, to its end. The environment is only what is given. */
export async function throughline(args: readonly string[], { env, input = '' }: Typed): Promise<Ended> {
  const program = join(import.meta.dirname, '..', '..', 'cli', 'throughline.ts')
  const child = spawn(process.execPath, [program, ...args], { env, stdio: 'pipe' })
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject)),
  ])
  return { code, stdout, stderr }
}
