import { setTimeout as pause } from 'node:timers/promises'

export interface WaitOptions {
  /** Milliseconds after which waiting fails; counted anew each time that `progress` has changed. */
  readonly timeoutMs: number
  /** Milliseconds between two questions; 50 by default. */
  readonly everyMs?: number
  /** Any value that changes as long as it is worth waiting. */
  readonly progress?: () => unknown
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks again and again until the answer is neither undefined nor false, and returns it.
 * @param what is waited for, for the error
 * @throws {Error} after `timeoutMs`; the signal's reason when it is aborted; whatever `ask` throws
 */
export async function waitUntil<T>(
  what: string,
  ask: () => Promise<T> | T,
  { timeoutMs, everyMs = 50, progress, signal }: WaitOptions,
): Promise<Exclude<T, undefined | false>> {
  let [last, since] = [progress?.(), performance.now()]
  for (;;) {
    signal?.throwIfAborted()
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>
    const current = progress?.()
    if (current !== last) [last, since] = [current, performance.now()]
    if (performance.now() - since > timeoutMs) throw new Error(`${what}: not after ${timeoutMs / 1000} s`)
    await pause(everyMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}
