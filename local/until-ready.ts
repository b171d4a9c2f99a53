import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './child-process.ts'
import { obituary } from './run-to-end.ts'

export interface ReadyOptions {
  /** Asked again every 50 ms. What it throws ends the waiting. */
  readonly isReady: () => Promise<boolean>
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Waits until a child does its work. A child that does not come so far is stopped.
 * @throws {Error} with the newest lines of its output when it ends, or takes longer than `timeoutMs`, before it is ready
 */
export async function untilReady(child: Child, { isReady, timeoutMs, signal }: ReadyOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs
  try {
    while (!(await isReady())) {
      signal?.throwIfAborted()
      if (child.ended) throw new Error(`${await obituary(child)} before it was ready:\n${child.lastLines()}`)
      if (performance.now() > deadline) {
        throw new Error(`${child.name} was not ready after ${timeoutMs / 1000} s:\n${child.lastLines()}`)
      }
      await sleep(50)
    }
  } catch (error) {
    await child.stop()
    throw error
  }
}
