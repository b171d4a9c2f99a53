import { kafkaRefusal } from '../kafka/security.ts'
import { databaseRefusal } from '../sql/database.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import { sleep } from '../telemetry/wait-until.ts'

export interface RetryOptions {
  readonly log: Log
  /** A process that waits for a server is alive, but not ready. */
  readonly health: Health
  /** Ends the retries: the process stops, or the partition was lost. The attempt under way is finished. */
  readonly signal: AbortSignal
  /** Aborted when the batch was lost: no further step may be made. */
  readonly lost?: AbortSignal
  /** Whether trying again is useless for an error. */
  readonly isPermanent?: (error: Error) => boolean
  /** Called when a step begins, succeeds or fails: each is progress. */
  readonly onProgress?: () => void
  /** For every server that is used; by default each has a new one. */
  readonly tracker?: OutageTracker | undefined
}

/** Runs one step that needs the server, and records in log and health whether the server answers. */
export type WithServer = <T>(server: string, step: () => Promise<T>) => Promise<T>

/** Makes attempts until one succeeds, the batch is lost or the process stops: {@link retryForever} with its options set. */
export type Retry = <T>(attempt: (withServer: WithServer) => Promise<T>) => Promise<T>

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

/** A step that takes longer counts as an outage: a frozen server keeps its connections and does not answer. */
const SILENCE_MS = 10_000

/**
 * Makes attempts until one succeeds, with pauses that grow to two seconds. However many calls wait for the same server, the
 * log says once that it failed, and once that it works again.
 * @throws the signal's reason when it is aborted and the attempt under way fails; an error that `isPermanent`, or that is
 *   a mistake in the code
 */
export async function retryForever<T>(attempt: (withServer: WithServer) => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal } = options
  const trackers = new Map<string, OutageTracker>()
  const withServer: WithServer = (server, step) => {
    options.lost?.throwIfAborted()
    const tracker = options.tracker ?? trackers.get(server) ?? createOutageTracker(server, options)
    trackers.set(server, tracker)
    return tracked(tracker, step, options)
  }
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        return await attempt(withServer)
      } catch (error) {
        signal.throwIfAborted()
        if (!isTransient(error, options)) throw error
      }
      // Jitter, so that processes that wait do not all come back at once.
      await sleep(pauseMs * (0.5 + Math.random() / 2), signal)
      signal.throwIfAborted()
    }
  } finally {
    for (const tracker of trackers.values()) tracker.end()
  }
}

async function tracked<T>(tracker: OutageTracker, step: () => Promise<T>, options: RetryOptions): Promise<T> {
  const silence = setTimeout(() => tracker.failed(new Error(`no answer for ${SILENCE_MS / 1000} s`)), SILENCE_MS)
  options.onProgress?.()
  try {
    const result = await step()
    tracker.recovered()
    return result
  } catch (error) {
    if (!options.signal.aborted && isTransient(error, options)) tracker.failed(error)
    throw error
  } finally {
    clearTimeout(silence)
    options.onProgress?.()
  }
}

function isTransient(error: unknown, { isPermanent }: RetryOptions): error is Error {
  return error instanceof Error && !(error instanceof TypeError) && !isPermanent?.(error)
}

/** One use of a server: log and health learn when it fails and when it works again. */
export interface OutageTracker {
  failed(error: Error): void
  recovered(): void
  /** The use is over, whether the server works or not. */
  end(): void
}

/** Reports failures only; that the server works again is reported elsewhere: of Kafka, when the group is joined. */
export function failuresOnly(tracker: OutageTracker): OutageTracker {
  return { failed: tracker.failed, recovered: () => {}, end: () => {} }
}

export function createOutageTracker(server: string, { log, health }: Pick<RetryOptions, 'log' | 'health'>): OutageTracker {
  let isWaiting = false
  const end = () => {
    if (isWaiting) health.endWait(server)
    isWaiting = false
  }
  return {
    failed(error) {
      health.failed(server)
      if (isWaiting) return
      isWaiting = true
      if (health.beginWait(server)) {
        log.warn(`${server} failed: ${reasonOf(error)}. Trying again until it works.`)
        log.debug({ err: error }, server)
      }
    },
    recovered() {
      end()
      const failedMs = health.recovered(server)
      if (failedMs !== undefined) log.info(`${server} works again after ${Math.round(failedMs / 1000)} s.`)
    },
    end,
  }
}

/** Why a server and this process refuse each other, as the rest of a sentence; undefined for any other error. */
export function refusalOf(error: Error): string | undefined {
  return kafkaRefusal(error) ?? databaseRefusal(error)
}

/** For a host with several addresses Node's error has no message of its own but one error for each address. */
function reasonOf(error: Error): string {
  const refusal = refusalOf(error)
  if (refusal !== undefined) return `the server ${refusal}`
  if (error.message !== '') return error.message
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name
}
