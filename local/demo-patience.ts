import { addAbortListener } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

export interface Patience<T> {
  /** Undefined when nothing can be seen now. */
  readonly look: () => Promise<T | undefined>
  readonly isDone: (seen: T) => boolean | Promise<boolean>
  /** Anything that changes while there is progress. */
  readonly progressOf: (seen: T) => number
  /** How long nothing may change, in milliseconds. */
  readonly patienceMs: number
  readonly everyMs: number
  readonly signal: AbortSignal
}

/**
 * Looks again and again until it is done, and returns what it saw then; undefined when nothing has moved for too long.
 * @throws the signal's reason once it is aborted; whatever a look throws
 */
export async function untilDone<T>(patience: Patience<T>): Promise<T | undefined> {
  const { look, isDone, progressOf, patienceMs, everyMs, signal } = patience
  let progress: number | undefined
  let since = performance.now()
  for (;;) {
    const seen = await look()
    if (seen !== undefined) {
      if (await isDone(seen)) return seen
      if (progressOf(seen) !== progress) since = performance.now()
      progress = progressOf(seen)
    }
    if (performance.now() - since > patienceMs) return undefined
    await pause(everyMs)
    signal.throwIfAborted()
  }
}

/** Does not wait for work that may hang, on a frozen server for one, when it is not wanted any more. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => reject(signal.reason as Error))
  return await Promise.race([work, promise])
}
