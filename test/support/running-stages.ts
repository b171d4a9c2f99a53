import { afterAll, beforeAll } from 'vitest'
import { createHealth, type Health } from '../../telemetry/health.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { routeOf } from '../../pipeline/route.ts'
import { runStageProcess } from '../../pipeline/stage-process.ts'
import { pipeline as catalogue } from '../../stages/index.ts'
import type { Stage } from '../../stages/stage.ts'
import { freshPipeline, type FreshPipeline } from './fresh-pipeline.ts'

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
    const metrics = createMetrics({ stage: stage.name, position: route.position })
    return runStageProcess({ config, log, health, metrics }, route, stopping.signal)
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

/** A pipeline and all its stages for the tests of a file. The properties are set before the first test. */
export function pipelineWithStages(): FreshPipeline & { stages: RunningStages } {
  const pipeline = {} as ReturnType<typeof pipelineWithStages>
  beforeAll(async () => {
    Object.assign(pipeline, await freshPipeline())
    pipeline.stages = runStages(pipeline)
  })
  afterAll(async () => {
    await pipeline.stages[Symbol.asyncDispose]()
    await pipeline[Symbol.asyncDispose]()
  })
  return pipeline
}

/** A stage that is not in the catalogue replaces the one that reads the same topic. */
function catalogueName(stage: Stage): string {
  return catalogue.find(({ reads }) => reads === stage.reads)?.name ?? stage.name
}
