import { createHealth } from '../pipeline/health.ts'
import type { Config } from '../pipeline/config.ts'
import type { Log } from '../pipeline/log.ts'
import type { Surroundings } from '../pipeline/surroundings.ts'
import { openDoors } from './http.ts'
import { createMetrics } from './metrics.ts'
import { measure } from './stage-metrics.ts'
import { withTracing } from './with-tracing.ts'

/** Runs a process's work with everything that watches it: health, metrics, traces, and the doors to ask at. */
export async function watched(
  { config, log, stage, position }: { config: Config; log: Log; stage: string; position: number },
  work: (surroundings: Surroundings) => Promise<void>,
): Promise<void> {
  const health = createHealth()
  const metrics = createMetrics(stage, position)
  await using doors = await openDoors(config.METRICS_PORT, health, metrics)
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
    return work({ config, log, health, observer })
  })
}
