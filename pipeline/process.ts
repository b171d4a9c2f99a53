import type { SendInterceptor } from '../kafka/producer.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { Config } from './config.ts'
import type { Publication } from './deliver.ts'
import type { Route } from './route.ts'

/** What every process of the pipeline is given. */
export interface ProcessContext {
  readonly config: Config
  readonly log: Log
  readonly health: Health
  readonly observer: Observer
}

/** The hooks of metrics and traces. They change no result. */
export interface Observer {
  /** Wraps every produce request by which messages enter the pipeline. */
  readonly interceptSend: SendInterceptor
  /** A batch is saved and published. */
  readonly batchDone: (publication: Publication, route: Route) => void
  /** Seconds for which the process had a batch in work since the last call. */
  readonly wasBusy: (seconds: number) => void
  /** The consumer group has assigned its partitions anew. */
  readonly rebalanced: () => void
  /** @param count how many queries wait for a connection to Postgres now */
  readonly poolWaiting: (count: () => number) => void
}

export const noopObserver: Observer = {
  interceptSend: (_, send) => send(),
  batchDone: () => undefined,
  wasBusy: () => undefined,
  rebalanced: () => undefined,
  poolWaiting: () => undefined,
}

const GRACE_MS = 9000

/**
 * Runs a long-running process: SIGTERM and SIGINT abort the signal, upon which `work` finishes its batch, leaves the group and
 * returns. If that takes longer than the grace period, the process exits with code 1.
 * @throws whatever `work` throws, so that the process ends with a code that makes a supervisor start it again
 */
export async function untilStopped(log: Log, work: (stopping: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController()
  let isDone = false
  const stop = (signal: NodeJS.Signals) => {
    log.info(`${signal}: finishing the batch and stopping.`)
    stopping.abort(new Error(`Stopped by ${signal}`))
    setTimeout(() => {
      // A socket to a server that does not answer may keep a finished process alive.
      if (isDone) process.exit()
      log.error(`Not finished within ${GRACE_MS / 1000} s: exiting now. Records that are not committed are consumed again.`)
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
