import { createServer } from 'node:http'
import { readConfig } from '../pipeline/config.ts'
import { noopObserver, untilStopped } from '../pipeline/process.ts'
import { routeOf } from '../pipeline/route.ts'
import { runStageProcess } from '../pipeline/stage-process.ts'
import type { Stage } from '../stages/stage.ts'
import { createHealth } from '../telemetry/health.ts'
import { createLog } from '../telemetry/log.ts'

/**
 * A stage as a process without metrics: `plain-stage.ts STAGE DELAY`. Every message blocks it for DELAY milliseconds, as
 * arithmetic would, but without using CPU time, so that several such processes do not slow each other on a small machine.
 */
const [name, delay] = process.argv.slice(2)
const delayMs = Number(delay)

function slowed(stage: Stage): Stage {
  const neverNotified = new Int32Array(new SharedArrayBuffer(4))
  return {
    ...stage,
    apply(body) {
      Atomics.wait(neverNotified, 0, 0, delayMs)
      return stage.apply(body)
    },
  }
}

const config = readConfig()
const route = routeOf(config, name)
const log = createLog(config.LOG_LEVEL, { stage: route.stage.name })
const health = createHealth()
const server = createServer((_, response) => void response.writeHead(health.isReady() ? 200 : 503).end())
server.listen(config.METRICS_PORT, '127.0.0.1').unref()
await untilStopped(log, (stopping) =>
  runStageProcess(
    { config, log, health, observer: noopObserver },
    delayMs > 0 ? { ...route, stage: slowed(route.stage) } : route,
    stopping,
  ),
)
