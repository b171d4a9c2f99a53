import type { Config } from '../pipeline/config.ts'
import { createLog } from '../telemetry/log.ts'
import { untilStopped } from '../pipeline/process.ts'
import type { ProcessContext } from '../pipeline/process-context.ts'
import type { Log } from '../telemetry/log.ts'
import type { Door } from '../telemetry/http.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { watched } from './with-telemetry.ts'

export interface ProcessPlace {
  readonly stage: string
  readonly position: number
  /** Doors of its own, beside those that all processes have. */
  readonly doors?: (metrics: Metrics, log: Log) => readonly Door[]
}

/** What every long-running process has around its work: a log, whatever watches it, and signals that end it. */
export async function pipelineProcess(
  config: Config,
  { stage, position, doors = () => [] }: ProcessPlace,
  work: (context: ProcessContext, stopping: AbortSignal, metrics: Metrics) => Promise<void>,
): Promise<void> {
  const log = createLog(config.LOG_LEVEL, { stage })
  const ownDoors = (metrics: Metrics) => doors(metrics, log)
  await watched({ config, log, stage, position, doors: ownDoors }, (context, metrics) =>
    untilStopped(log, (stopping) => work(context, stopping, metrics)),
  )
}
