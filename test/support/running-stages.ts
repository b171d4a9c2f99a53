import { createHealth, type Health } from '../../telemetry/health.ts'
import { noopObserver } from '../../pipeline/process.ts'
import { routeOf } from '../../pipeline/route.ts'
import { runStageProcess } from '../../pipeline/stage-process.ts'
import { pipeline as catalogue } from '../../stages/index.ts'
import type { Stage } from '../../stages/stage.ts'
import type { FreshPipeline } from './fresh-pipeline.ts'

export interface RunningStages extends AsyncDisposable {
  readonly health: Health
  /** Rejects when a stage cannot continue. */
  readonly ended: Promise<unknown>
}

/** Runs stages in the test's own process, which starts faster than separate processes; all stages by default. */
export function runStages({ config, log }: FreshPipeline, stages: readonly Stage[] = catalogue): RunningStages {
  const stopping = new AbortController()
  const health = createHealth()
  const runs = stages.map((stage) => {
    const route = { ...routeOf(config, catalogueName(stage)), stage }
    return runStageProcess({ config, log, health, observer: noopObserver }, route, stopping.signal)
  })
  const ended = Promise.all(runs)
  return {
    health,
    ended,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.allSettled(runs)
    },
  }
}

/** A stage that is not in the catalogue replaces the one that reads the same topic. */
function catalogueName(stage: Stage): string {
  return catalogue.find(({ reads }) => reads === stage.reads)?.name ?? stage.name
}
