import { addAbortListener } from 'node:events'
import { type Child, type ChildOptions, startChild } from './child-process.ts'

export interface RunOptions extends ChildOptions {
  /** Ends the command early; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a command to its end and gives its newest lines of output.
 * @throws {Error} with those lines when its exit code is not 0
 */
export async function runToEnd({ signal, ...options }: RunOptions): Promise<string> {
  signal?.throwIfAborted()
  await using child = await startChild(options)
  using _ = signal && addAbortListener(signal, () => void child.stop({ graceMs: 2000 }))
  const { code } = await child.exited
  signal?.throwIfAborted()
  if (code !== 0) throw new Error(`${await obituary(child)}:\n${child.lastLines()}`)
  return child.lastLines()
}

/** "Kafka ended with exit code 1", once it has. */
export async function obituary(child: Child): Promise<string> {
  const { code, signal } = await child.exited
  return `${child.name} ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`
}
