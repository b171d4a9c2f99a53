/** Runs `work` until it ends by itself or Ctrl-C, or SIGTERM, aborts its signal: an end that is wanted. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = new AbortController()
  const stop = () => interrupted.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    await work(interrupted.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
