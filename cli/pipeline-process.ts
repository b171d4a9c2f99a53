import type { Config } from '../pipeline/config.ts'
import { createHealth } from '../pipeline/health.ts'
import { createLog } from '../pipeline/log.ts'
import { untilStopped } from '../pipeline/process.ts'
import type { Surroundings } from '../pipeline/surroundings.ts'
import { openDoors } from '../telemetry/http.ts'
import { withTracing } from '../telemetry/with-tracing.ts'

/** What every long-running process has around its work: a log, its health with doors to ask it at, signals. */
export async function pipelineProcess(
  config: Config,
  stage: string,
  work: (surroundings: Surroundings, stopping: AbortSignal) => Promise<void>,
): Promise<void> {
  const log = createLog(config.LOG_LEVEL, { stage })
  const health = createHealth()
  await using doors = await openDoors(config.METRICS_PORT, health)
  log.info(`/healthz and /readyz answer on port ${doors.port}.`)
  const tracing = {
    service: stage,
    protocol: config.OTEL_EXPORTER_OTLP_PROTOCOL,
    isEntry: stage === 'generator',
  }
  await withTracing(tracing, (observer) =>
    untilStopped(log, (stopping) => work({ config, log, health, observer }, stopping)),
  )
}
