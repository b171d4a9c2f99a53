import { createLog } from '../../../telemetry/log.ts'
import { readConfig } from '../../../pipeline/config.ts'
import { noopObserver } from '../../../pipeline/process.ts'
import { createHealth } from '../../../telemetry/health.ts'
import { untilStopped } from '../../../pipeline/process.ts'
import { routeOf } from '../../../pipeline/route.ts'
import { runStageProcess } from '../../../pipeline/stage-process.ts'
import { add } from '../../../stages/add.ts'
import type { Stage } from '../../../stages/stage.ts'

/**
 * A process that runs the first stage slowly: every message blocks it for 20 ms, as arithmetic would, but without using
 * the processor. So several such processes do not slow each other down on a small machine.
 */
const slow: Stage = {
  ...add,
  apply(body) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    return add.apply(body)
  },
}

const config = readConfig()
const log = createLog(config.LOG_LEVEL, { stage: slow.name })
await untilStopped(log, (stopping) =>
  runStageProcess(
    { config, log, health: createHealth(), observer: noopObserver },
    { ...routeOf(config, slow.name), stage: slow },
    stopping,
  ),
)
