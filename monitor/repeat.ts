import { setTimeout as pause } from 'node:timers/promises'

/** Does the work again and again, begun every so many seconds or as soon as the last is done, until it is told to stop. */
export async function repeat(work: () => Promise<void>, every: number, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    const begun = performance.now()
    await work()
    const rest = Math.max(0, begun + every * 1000 - performance.now())
    await pause(rest, undefined, { signal: stopping }).catch(() => {})
  }
}
