import { setTimeout as pause } from 'node:timers/promises'

export interface Waiting {
  /** What is waited for, to say so when it does not come. */
  readonly what: string
  /** How far it is: waiting ends when this is `goal`, and is given up when it stands still for a minute. */
  readonly reached: () => Promise<number>
  readonly goal: number
  readonly everyMs: number
  readonly signal: AbortSignal
}

const PATIENCE_MS = 60_000

/** @throws {Error} when nothing moves any more */
export async function until({ what, reached, goal, everyMs, signal }: Waiting): Promise<void> {
  let [last, movedAt] = [Number.NaN, performance.now()]
  for (;;) {
    signal.throwIfAborted()
    const now = await reached()
    if (now >= goal) return
    if (now !== last) [last, movedAt] = [now, performance.now()]
    if (performance.now() - movedAt > PATIENCE_MS) {
      throw new Error(`${what}: stands still at ${now} of ${goal}`)
    }
    await pause(everyMs, undefined, { signal })
  }
}
