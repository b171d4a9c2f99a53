import type { SendInterceptor } from '../kafka/producer.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { TracedMessage } from '../telemetry/trace-context.ts'
import type { Config } from './config.ts'

export type RunInSpan = <T>(message: TracedMessage, work: () => T) => T

/** What every process of the pipeline is given. */
export interface ProcessContext {
  readonly config: Config
  readonly log: Log
  readonly health: Health
  readonly metrics: Metrics
  /** Wraps every produce request by which messages enter the pipeline. */
  readonly interceptSend?: SendInterceptor | undefined
  /** Runs the computation of a message with the message's span as OpenTelemetry's active one; undefined where no SDK runs. */
  readonly runInSpan?: RunInSpan | undefined
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
