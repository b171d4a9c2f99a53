import { createHealth, type OutageListener } from '../pipeline/health.ts'
import { nobody, type Observer } from '../pipeline/observer.ts'
import type { Config } from '../pipeline/config.ts'
import type { Log } from '../pipeline/log.ts'
import type { ProcessContext } from '../pipeline/process-context.ts'
import { openDoors, type Door } from './http.ts'
import { createLostSpans } from './lost-spans.ts'
import { createMetrics, roleOf, type Metrics } from './metrics.ts'
import { measure } from './stage-metrics.ts'
import { withTracing } from './with-tracing.ts'

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
  using lost = createLostSpans(log)
  const tracing = {
    service: stage,
    config,
    isEntry: position === 0,
    onLost: (spans: number) => {
      metrics.count('throughline_spans_lost_total', spans)
      lost.add(spans)
    },
  }
  const workWatched = (traces: Observer) => {
    const observer = { ...traces, ...measuring(metrics, traces) }
    return work({ config, log, health, observer }, metrics)
  }
  // No message passes through the monitor.
  if (roleOf(stage) === 'monitor') await workWatched(nobody)
  else await withTracing(tracing, workWatched)
}

function counting(metrics: Metrics): OutageListener {
  return {
    failed: (server) => metrics.count('throughline_retries_total', 1, { server }),
    worksAgain: (server) => metrics.count('throughline_reconnects_total', 1, { server }),
  }
}

/** What is measured of a stage. */
function measuring(metrics: Metrics, traces: Observer): Omit<Observer, 'entering' | 'traceparent'> {
  return {
    batchDone: (publication, route) => {
      measure(publication, route, metrics)
      traces.batchDone(publication, route)
    },
    wasBusy: (seconds) => metrics.count('throughline_busy_seconds_total', seconds),
    rebalanced: () => metrics.count('throughline_rebalances_total'),
    poolWaiting: (count) => metrics.ask('throughline_pool_waiting', count),
  }
}
