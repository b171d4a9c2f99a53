import { addAbortListener } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

export interface Patience<T> {
  readonly look: () => Promise<T>
  readonly isDone: (seen: T) => boolean | Promise<boolean>
  /** Anything that changes while there is progress. */
  readonly progressOf: (seen: T) => string | number
  /** How long nothing may change, in milliseconds. */
  readonly patienceMs: number
  readonly everyMs: number
  readonly signal: AbortSignal
}

/**
 * Looks again and again until it is done, or nothing has moved for too long: then it returns false.
 * @throws the signal's reason, at once when it is aborted; whatever a look throws
 */
export async function untilDone<T>(patience: Patience<T>): Promise<boolean> {
  const { look, isDone, progressOf, patienceMs, everyMs, signal } = patience
  let progress: string | number | undefined
  let since = performance.now()
  for (;;) {
    const seen = await unlessAborted(look(), signal)
    if (await unlessAborted(Promise.resolve(isDone(seen)), signal)) return true
    if (progressOf(seen) !== progress) since = performance.now()
    progress = progressOf(seen)
    if (performance.now() - since > patienceMs) return false
    await unlessAborted(pause(everyMs), signal)
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  using _ = addAbortListener(signal, () => reject(signal.reason as Error))
  return await Promise.race([work, promise])
}
