import { createHealth } from '../pipeline/health.ts'
import type { Config } from '../pipeline/config.ts'
import type { Log } from '../pipeline/log.ts'
import type { Surroundings } from '../pipeline/surroundings.ts'
import { openDoors, type Door } from './http.ts'
import { createMetrics, type Metrics } from './metrics.ts'
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
  work: (surroundings: Surroundings, metrics: Metrics) => Promise<void>,
): Promise<void> {
  const health = createHealth()
  const metrics = createMetrics(stage, position)
  await using doors = await openDoors({
    port: config.METRICS_PORT,
    health,
    metrics,
    more: ownDoors?.(metrics) ?? [],
  })
  log.info(`/metrics, /healthz and /readyz answer on port ${doors.port}.`)
  const tracing = {
    service: stage,
    protocol: config.OTEL_EXPORTER_OTLP_PROTOCOL,
    isEntry: position === 0,
    onLost: (spans: number) => metrics.count('throughline_spans_lost_total', spans),
  }
  await withTracing(tracing, (traces) => {
    const observer: Surroundings['observer'] = {
      ...traces,
      batchDone: (publication, route) => {
        measure(publication, route, metrics)
        traces.batchDone(publication, route)
      },
    }
    return work({ config, log, health, observer }, metrics)
  })
}
