import type { Config } from './config.ts'
import type { Health } from '../telemetry/health.ts'
import type { Log } from '../telemetry/log.ts'
import type { Observer } from './observer.ts'

/** What every process of the pipeline is given. */
export interface ProcessContext {
  readonly config: Config
  readonly log: Log
  readonly health: Health
  readonly observer: Observer
}
