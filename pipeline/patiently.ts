import pRetry from 'p-retry'
import type { Health } from './health.ts'
import type { Log } from './log.ts'

export interface Patience {
  readonly log: Log
  /** Ends the waiting: the process stops, or the partition is somebody else's now. */
  readonly signal: AbortSignal
  /** A process that waits on purpose is alive, but not ready. */
  readonly health: Health
}

/**
 * Tries until it works, with pauses that grow to five seconds: the answer to a server that is away. Says so once, and
 * once when it is over.
 * @throws the signal's reason when it is aborted; whatever `attempt` throws that `isHopeless`
 */
export async function patiently<T>(
  what: string,
  attempt: () => Promise<T>,
  { log, signal, health }: Patience,
  isHopeless: (error: Error) => boolean = () => false,
): Promise<T> {
  let since: number | undefined
  const onFailedAttempt = ({ error }: { error: Error }) => {
    if (since !== undefined || isHopeless(error)) return
    since = Date.now()
    health.waiting(true)
    log.warn(`${what} failed: ${reasonOf(error)}. Trying again until it works.`)
    log.debug({ err: error }, what)
  }
  try {
    const result = await pRetry(attempt, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 100,
      maxTimeout: 5000,
      randomize: true,
      signal,
      onFailedAttempt,
      shouldRetry: ({ error }) => !isHopeless(error),
    })
    if (since !== undefined)
      log.info(`${what} works again after ${Math.round((Date.now() - since) / 1000)} s.`)
    return result
  } finally {
    if (since !== undefined) health.waiting(false)
  }
}

/** Node gives a host with several addresses an error without a message, which has one for each. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name
}
