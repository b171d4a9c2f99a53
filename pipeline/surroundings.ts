import type { Config } from './config.ts'
import type { Health } from './health.ts'
import type { Log } from './log.ts'

/** What every process of the pipeline is given. */
export interface Surroundings {
  readonly config: Config
  readonly log: Log
  readonly health: Health
}
