import { addAbortListener } from 'node:events'

/** Resolves after so many milliseconds, or when the signal is aborted. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, ms)
  using _ = addAbortListener(signal, () => over.resolve())
  await over.promise
  clearTimeout(timer)
}
