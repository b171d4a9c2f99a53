import { createHealth, type OutageListener } from '../telemetry/health.ts'
import { noopObserver, type Observer } from '../pipeline/observer.ts'
import type { SendInterceptor } from '../kafka/producer.ts'
import { exportsTraces, type Config } from '../pipeline/config.ts'
import { traceIdOf } from '../pipeline/message.ts'
import type { Log } from '../telemetry/log.ts'
import type { ProcessContext } from '../pipeline/process-context.ts'
import { openDoors, type Door } from '../telemetry/http.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { measure, type TraceOf } from '../pipeline/measure.ts'
import { isSlow } from '../telemetry/tracer/is-kept.ts'
import { withEntryTracing } from '../telemetry/tracer/entry-tracing.ts'

/** A process that is to be watched. */
export interface WatchedProcess {
  readonly config: Config
  readonly log: Log
  readonly stage: string
  readonly position: number
  /** Doors of its own. */
  readonly doors?: (metrics: Metrics) => readonly Door[]
}

/** Runs a process's work with everything that watches it: health, metrics, traces, and the doors to ask at. */
export async function watched(
  { config, log, stage, position, doors: ownDoors }: WatchedProcess,
  work: (context: ProcessContext, metrics: Metrics) => Promise<void>,
): Promise<void> {
  const metrics = createMetrics({ stage, position })
  const health = createHealth(undefined, counting(metrics))
  await using doors = await openDoors({
    host: config.METRICS_HOST,
    port: config.METRICS_PORT,
    health,
    metrics,
    log,
    more: ownDoors?.(metrics) ?? [],
  })
  log.info(`/metrics, /healthz and /readyz answer on port ${doors.port} of ${config.METRICS_HOST}.`)
  const workWatched = (intercept: SendInterceptor) => {
    const observer = { ...measuring(metrics, config), entering: intercept }
    return work({ config, log, health, observer }, metrics)
  }
  // Messages enter at position 0 alone.
  if (position === 0) await withEntryTracing(workWatched)
  else await workWatched(noopObserver.entering)
}

function counting(metrics: Metrics): OutageListener {
  return {
    failed: (server) => metrics.count('throughline_retries_total', 1, { server }),
    worksAgain: (server) => metrics.count('throughline_reconnects_total', 1, { server }),
  }
}

/** What is measured of a stage. */
function measuring(metrics: Metrics, config: Config): Omit<Observer, 'entering'> {
  const traceOf = tracedBy(config)
  return {
    batchDone: (publication, route) => measure(publication, route, { metrics, traceOf }),
    wasBusy: (seconds) => metrics.count('throughline_busy_seconds_total', seconds),
    rebalanced: () => metrics.count('throughline_rebalances_total'),
    poolWaiting: (count) => metrics.ask('throughline_pool_waiting', count),
  }
}

/** Only a trace that will be kept can be opened from a point on a chart. */
function tracedBy({ TRACE_SLOWER_THAN }: Config): TraceOf {
  if (!exportsTraces()) return () => undefined
  return (message, ageMs) => {
    const isTraced = message.parent?.sampled === true || isSlow(ageMs, TRACE_SLOWER_THAN)
    return isTraced ? traceIdOf(message) : undefined
  }
}
