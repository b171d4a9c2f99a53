import { mkdir, rename } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Admin } from 'kafkajs'
import { look } from '../cli/output.ts'
import { readMessage } from '../cli/read-message.ts'
import { type Status, readStatus } from '../cli/read-status.ts'
import { renderMessage } from '../cli/render-message.ts'
import { withDatabase } from '../cli/with-database.ts'
import { withKafka } from '../cli/with-kafka.ts'
import { type Config, childEnvironment, readConfig } from '../pipeline/config.ts'
import type { Database } from '../pipeline/database.ts'
import { newMessageId } from '../pipeline/message.ts'
import type { Exit } from './child-process.ts'
import { intro } from './demo-intro.ts'
import { type DemoLog, openLog } from './demo-log.ts'
import { missingOf, readOutcome, renderOutcome } from './demo-outcome.ts'
import { untilDone } from './demo-patience.ts'
import { type DemoProcesses, demoProcesses } from './demo-processes.ts'
import { type DemoServers, startServers } from './demo-servers.ts'
import { type DemoView, demoView } from './demo-view.ts'
import { throwAwayDirectory } from './throw-away-directory.ts'

export interface DemoOptions {
  /** How many to let in and wait for; undefined for ever. */
  readonly messages?: number
  readonly keep?: true
  readonly kafkaPort: number
}

export interface DemoSurroundings {
  readonly say: (line: string) => void
  /** Ends the demo when it is aborted, with its reason. The demo aborts it, too. */
  readonly ending: AbortController
}

/** Why a process that ends afterwards does not matter. */
const over = new Error('The demo is over')

/** The demo from start to end. Returns whether all messages came through. */
export async function runDemo(options: DemoOptions, surroundings: DemoSurroundings): Promise<boolean> {
  ...
}
