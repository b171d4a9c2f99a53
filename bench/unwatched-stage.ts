import { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { createHealth } from '../telemetry/health.ts'
import { createLog } from '../telemetry/log.ts'
import { noopObserver } from '../pipeline/observer.ts'
import { untilStopped } from '../pipeline/process.ts'
import { routeOf } from '../pipeline/route.ts'
import { runStageProcess } from '../pipeline/stage-process.ts'
import type { Stage } from '../stages/stage.ts'
import { openReadyDoor } from './ready-door.ts'

/**
 * A process that runs a stage with nobody watching: no metrics, no traces, one door that says that it is ready. With --hold every message holds it
 * up for so many milliseconds, as arithmetic would, but without using the processor: so several of them do not stand in
 * each other's way, however small the machine.
 */
function held(stage: Stage, ms: number): Stage {
  const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))
  return {
    ...stage,
    apply(body) {
      Atomics.wait(nobodyWakes, 0, 0, ms)
      return stage.apply(body)
    },
  }
}

const program = new Command('unwatched-stage')
  .argument('<stage>')
  .option('--hold <ms>', '', Number, 0)
  .parse()
const { hold } = program.opts<{ hold: number }>()
const config = readConfig()
const route = routeOf(config, program.args[0])
const log = createLog(config.LOG_LEVEL, { stage: route.stage.name })
const health = createHealth()
openReadyDoor(config.METRICS_PORT, () => health.isReady())
await untilStopped(log, (stopping) =>
  runStageProcess(
    { config, log, health, observer: noopObserver },
    hold > 0 ? { ...route, stage: held(route.stage, hold) } : route,
    stopping,
  ),
)
