import { type Config, exportsTraces } from '../pipeline/config.ts'
import { initialiseCounters, measure, type TraceOf } from '../pipeline/measure.ts'
import { noopObserver, untilStopped, type Observer, type ProcessContext } from '../pipeline/process.ts'
import { createHealth } from '../telemetry/health.ts'
import { serveHttp, type HttpRoute } from '../telemetry/http.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { traceIdOf } from '../telemetry/trace-context.ts'
import { withEntryTracing } from '../telemetry/tracer/entry-tracing.ts'
import { isSlow } from '../telemetry/tracer/tail-sampling.ts'

export interface ProcessOptions {
  readonly stage: string
  readonly position: number
  /** HTTP routes besides those that all processes have. */
  readonly httpRoutes?: (metrics: Metrics, log: Log) => readonly HttpRoute[]
}

/**
 * Runs a long-running process: its work, with a log, health, metrics, HTTP routes and traces, until it ends or a signal
 * stops it.
 */
export async function pipelineProcess(
  config: Config,
  { stage, position, httpRoutes = () => [] }: ProcessOptions,
  work: (context: ProcessContext, stopping: AbortSignal, metrics: Metrics) => Promise<void>,
): Promise<void> {
  const log = createLog(config.LOG_LEVEL, { stage })
  const metrics = createMetrics({ stage, position })
  initialiseCounters(metrics, stage)
  const health = createHealth(undefined, {
    failed: (server) => metrics.count('throughline_retries_total', 1, { server }),
    recovered: (server) => metrics.count('throughline_reconnects_total', 1, { server }),
  })
  const { METRICS_HOST: host, METRICS_PORT: port } = config
  const routes = httpRoutes(metrics, log)
  await using server = await serveHttp({ host, port, health, metrics, log, routes })
  log.info(`/metrics, /healthz and /readyz answer on port ${server.port} of ${host}.`)
  const run = (interceptSend: Observer['interceptSend']) => {
    const observer = { ...metricsObserver(metrics, config), interceptSend }
    const context = { config, log, health, observer }
    return untilStopped(log, (stopping) => work(context, stopping, metrics))
  }
  // Messages enter at position 0 only.
  if (position === 0) await withEntryTracing(run)
  else await run(noopObserver.interceptSend)
}

function metricsObserver(metrics: Metrics, config: Config): Omit<Observer, 'interceptSend'> {
  const traceOf = exemplarTraces(config)
  return {
    batchDone: (publication, route) => measure(publication, route, { metrics, traceOf }),
    wasBusy: (seconds) => metrics.count('throughline_busy_seconds_total', seconds),
    rebalanced: () => metrics.count('throughline_rebalances_total'),
    poolWaiting: (count) => metrics.onScrape(() => metrics.set('throughline_pool_waiting', count())),
  }
}

/** An exemplar names a trace only where the tracer will export it. */
function exemplarTraces({ TRACE_SLOWER_THAN }: Config): TraceOf {
  if (!exportsTraces()) return () => undefined
  return (message, ageMs) => {
    const isExported = message.parent?.sampled === true || isSlow(ageMs, TRACE_SLOWER_THAN)
    return isExported ? traceIdOf(message) : undefined
  }
}
