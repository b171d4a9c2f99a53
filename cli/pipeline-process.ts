import type { Config } from '../pipeline/config.ts'
import { createLog } from '../pipeline/log.ts'
import { untilStopped } from '../pipeline/process.ts'
import type { Surroundings } from '../pipeline/surroundings.ts'
import { watched } from '../telemetry/watched.ts'

/** What every long-running process has around its work: a log, whatever watches it, and signals that end it. */
export async function pipelineProcess(
  config: Config,
  { stage, position }: { stage: string; position: number },
  work: (surroundings: Surroundings, stopping: AbortSignal) => Promise<void>,
): Promise<void> {
  const log = createLog(config.LOG_LEVEL, { stage })
  await watched({ config, log, stage, position }, (surroundings) =>
    untilStopped(log, (stopping) => work(surroundings, stopping)),
  )
}
