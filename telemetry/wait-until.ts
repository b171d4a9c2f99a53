import { addAbortListener } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

interface WaitOptions {
  /** Milliseconds after which waiting fails; counted anew each time that `progress` has changed. */
  readonly timeoutMs: number
  /** Milliseconds between two questions; 50 by default. */
  readonly everyMs?: number
  /** Any value that changes as long as it is worth waiting. */
  readonly progress?: () => unknown
  readonly signal?: AbortSignal | undefined
}

/** Waiting took longer than `timeoutMs`. */
export class WaitTimeout extends Error {
  override readonly name = 'WaitTimeout'
}

/**
 * Asks again and again until the answer is neither undefined nor false, and returns it.
 * @param what is waited for, for the error
 * @throws {WaitTimeout} after `timeoutMs`; the signal's reason when it is aborted; whatever `ask` throws
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
    if (performance.now() - since > timeoutMs) throw new WaitTimeout(`${what}: not after ${timeoutMs / 1000} s`)
    await pause(everyMs, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

/** Rejects with the signal's reason as soon as it is aborted: `work` may hang, on a frozen server for example. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => reject(signal.reason as Error))
  return await Promise.race([work, promise])
}

/** Resolves after so many milliseconds, or when the signal is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, ms)
  using _ = addAbortListener(signal, () => over.resolve())
  await over.promise
  clearTimeout(timer)
}
