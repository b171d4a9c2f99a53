import { readConfig } from '../../../pipeline/config.ts'
import { untilStopped } from '../../../pipeline/process.ts'
import { routeOf } from '../../../pipeline/route.ts'
import { runStageProcess } from '../../../pipeline/stage-process.ts'
import type { Stage } from '../../../stages/stage.ts'
import { createHealth } from '../../../telemetry/health.ts'
import { createLog } from '../../../telemetry/log.ts'
import { createMetrics } from '../../../telemetry/metrics.ts'

/**
 * A stage as a process that serves no HTTP: `slow-stage.ts STAGE DELAY`. Every message blocks it for DELAY milliseconds, as
 * arithmetic would, but without using CPU time, so that several such processes do not slow each other on a small machine.
 */
const [name, delayMs] = process.argv.slice(2)

const neverNotified = new Int32Array(new SharedArrayBuffer(4))
const config = readConfig()
const route = routeOf(config, name)
const stage: Stage = {
  ...route.stage,
  apply(body, context) {
    Atomics.wait(neverNotified, 0, 0, Number(delayMs))
    return route.stage.apply(body, context)
  },
}
const log = createLog(config.LOG_LEVEL, { stage: stage.name })
const metrics = createMetrics({ stage: stage.name, position: route.position })
await untilStopped(log, (stopping) =>
  runStageProcess({ config, log, health: createHealth(), metrics }, { ...route, stage }, stopping),
)
