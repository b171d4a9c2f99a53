import type { Config } from '../pipeline/config.ts'
import { initialiseCounters } from '../pipeline/measure.ts'
import { untilStopped, type ProcessContext } from '../pipeline/process.ts'
import { createHealth } from '../telemetry/health.ts'
import { serveHttp, type HttpRoute } from '../telemetry/http.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import type { Stage } from '../stages/stage.ts'
import { withEntryTracing, withStageTracing } from '../telemetry/tracer/entry-tracing.ts'

interface ProcessOptions {
  readonly stage: string
  readonly position: number
  /** Instrumentations of the stage's own clients. */
  readonly external?: Stage['external']
  /** HTTP routes besides those that all processes have. */
  readonly httpRoutes?: (metrics: Metrics, log: Log) => readonly HttpRoute[]
}

/**
 * Runs a long-running process: its work, with a log, health, metrics, HTTP routes and traces, until it ends or a signal
 * stops it.
 */
export async function pipelineProcess(
  config: Config,
  { stage, position, external, httpRoutes = () => [] }: ProcessOptions,
  work: (context: ProcessContext, stopping: AbortSignal) => Promise<void>,
): Promise<void> {
  const log = createLog(config.LOG_LEVEL, { stage })
  const metrics = createMetrics({ stage, position })
  initialiseCounters(metrics, stage)
  const health = createHealth(metrics)
  const { METRICS_HOST: host, METRICS_PORT: port } = config
  const routes = httpRoutes(metrics, log)
  await using server = await serveHttp({ host, port, health, metrics, log, routes })
  log.info(`/metrics, /healthz and /readyz answer on port ${server.port} of ${host}.`)
  const run = (tracing: Pick<ProcessContext, 'interceptSend' | 'runInSpan'>) =>
    untilStopped(log, (stopping) => work({ config, log, health, metrics, ...tracing }, stopping))
  // Messages enter at position 0 only.
  await (position === 0
    ? withEntryTracing((interceptSend) => run({ interceptSend }))
    : withStageTracing(config, { name: stage, ...(external && { external }) }, (runInSpan) => run({ runInSpan })))
}
