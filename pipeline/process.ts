import type { Log } from '../telemetry/log.ts'

const GRACE_MS = 9000

/**
 * The frame of every long-running process: SIGTERM and SIGINT abort the signal, upon which `work` finishes its batch,
 * leaves the group and returns; if that takes too long, the process ends all the same, with code 1.
 * @throws whatever `work` throws, so that the process ends with a code that makes a supervisor start it again
 */
export async function untilStopped(log: Log, work: (stopping: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  let isDone = false
  const stop = (signal: NodeJS.Signals) => {
    log.info(`${signal}: finishing the batch and leaving.`)
    stopping.abort(new Error(`Stopped by ${signal}`))
    setTimeout(() => {
      // A socket to a server that does not answer may be all that is left.
      if (isDone) process.exit()
      log.error(
        `Not finished within ${GRACE_MS / 1000} s: leaving now. What is not committed is taken again.`,
      )
      process.exit(1)
    }, GRACE_MS).unref()
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
  try {
    await work(stopping.signal)
  } finally {
    isDone = true
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
