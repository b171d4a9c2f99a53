import { addAbortListener } from 'node:events'
import type { Health } from './health.ts'
import type { Log } from './log.ts'

export interface Patience {
  readonly log: Log
  /** Ends the waiting: the process stops, or the partition is somebody else's now. What is under way is finished. */
  readonly signal: AbortSignal
  /** A process that waits on purpose is alive, but not ready. */
  readonly health: Health
  /** Who waits. By default it is somebody new, for whom all is well when the attempt works. */
  readonly waiting?: Waiting
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

/** An attempt that takes longer than that is one that waits: connections to a frozen server stand, and no answer comes. */
const SILENCE_MS = 10_000

/**
 * Tries until it works, with pauses that grow to five seconds: the answer to a server that is away. However many wait
 * for the same, the log says once that it failed, and once that it works again.
 * @param what what it is that may fail, such as "Postgres"
 * @throws the signal's reason when it is aborted and the attempt under way fails; whatever `attempt` throws that
 *   `isHopeless`, or that is a mistake in the code
 */
export async function patiently<T>(
  what: string,
  attempt: () => Promise<T>,
  patience: Patience,
  isHopeless: (error: Error) => boolean = () => false,
): Promise<T> {
  const { signal, waiting = createWaiting(what, patience) } = patience
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const silence = setTimeout(
        () => waiting.failed(new Error(`no answer for ${SILENCE_MS / 1000} s`)),
        SILENCE_MS,
      )
      try {
        const result = await attempt()
        waiting.works()
        return result
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof Error) || error instanceof TypeError || isHopeless(error)) throw error
        waiting.failed(error)
      } finally {
        clearTimeout(silence)
      }
      await pause(pauseMs, signal)
    }
  } finally {
    waiting.end()
  }
}

/** Lasts somewhat less than it says, so that many who wait do not all come back at once. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, ms * (0.5 + Math.random() / 2))
  using _ = addAbortListener(signal, () => over.resolve())
  await over.promise
  clearTimeout(timer)
  signal.throwIfAborted()
}

/** One who may have to wait for something, as the log and the process's health are told of it. */
export interface Waiting {
  failed(error: Error): void
  works(): void
  /** Waits no more, whether it works or not. */
  end(): void
}

export function createWaiting(what: string, { log, health }: Pick<Patience, 'log' | 'health'>): Waiting {
  let isWaiting = false
  const end = () => {
    if (isWaiting) health.waitedFor(what)
    isWaiting = false
  }
  return {
    failed(error) {
      health.failed(what)
      if (isWaiting) return
      isWaiting = true
      if (health.waitsFor(what)) {
        log.warn(`${what} failed: ${reasonOf(error)}. Trying again until it works.`)
        log.debug({ err: error }, what)
      }
    },
    works() {
      end()
      const failedMs = health.works(what)
      if (failedMs !== undefined) log.info(`${what} works again after ${Math.round(failedMs / 1000)} s.`)
    },
    end,
  }
}

/** Node gives a host with several addresses an error without a message, which has one for each. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name
}
