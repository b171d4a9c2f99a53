import { setTimeout as pause } from 'node:timers/promises'
import { type Status, readStatus } from '../sql/read-status.ts'
import { withDatabase } from '../cli/with-database.ts'
import { withKafka } from '../cli/with-kafka.ts'
import type { Config } from '../pipeline/config.ts'
import type { Database } from '../sql/database.ts'
import { count } from '../stages/refusal.ts'
import { DemoFailure, mustLive } from './demo-endings.ts'
import { intro } from './demo-intro.ts'
import type { DemoLog } from './demo-log.ts'
import { letThrough } from './demo-messages.ts'
import { untilDone } from './demo-patience.ts'
import type { DemoProcesses } from './demo-processes.ts'
import type { DemoServer } from './demo-servers.ts'
import { LOOK_EVERY_MS, demoView } from './demo-view.ts'

export interface DemoPipeline {
  readonly config: Config
  readonly doors: readonly DemoServer[]
  readonly processes: DemoProcesses
  readonly log: DemoLog
  readonly say: (line: string) => void
  readonly ending: AbortController
  readonly messages: number | undefined
}

/** The pipeline while all its stages run. */
export interface RunningPipeline extends Omit<DemoPipeline, 'messages'> {
  readonly database: Database
  /** How it stands; undefined when that cannot be read now, which is a warning: servers may come back. */
  readonly look: () => Promise<Status | undefined>
  /** How it stood before anything entered. */
  readonly before: Status
}

const START_PATIENCE_MS = 60_000

/** Starts the processes of the pipeline and shows what they do: for ever, or until `messages` are through. */
export async function showPipeline(demo: DemoPipeline): Promise<void> {
  const { config, doors, processes, log, ending, say, messages } = demo
  await processes.migrate()
  say('Tables and topics are up to date.')
  await withDatabase(config, (database) =>
    withKafka(config, async ({ admin }) => {
      const look = () => log.orWarning('The status cannot be read', readStatus({ config, database, admin }))
      say(`Starting the stages; all logs go to ${log.path}`)
      for (const stage of await processes.startStages()) mustLive(stage, ending)
      const before = await untilAllRun(look, ending.signal)
      const running = { ...demo, database, look, before }
      if (messages === undefined) {
        say(intro(doors, config))
        await showForEver(running)
      } else {
        say(`All stages are running. ${count(messages)} messages go in at once.\n`)
        await letThrough(messages, running)
      }
    }),
  )
}

/** Messages that came before would wait for the last process to start, and look slow. */
async function untilAllRun(look: RunningPipeline['look'], signal: AbortSignal): Promise<Status> {
  const running = ({ stages }: Status) => stages.filter((stage) => stage.running > 0).length
  const status = await untilDone({
    look,
    isDone: (seen) => running(seen) === seen.stages.length,
    progressOf: running,
    patienceMs: START_PATIENCE_MS,
    everyMs: 100,
    signal,
  })
  if (status === undefined) throw new DemoFailure('Not all stages have joined their consumer groups.')
  return status
}

async function showForEver({ processes, ending, log, look }: RunningPipeline): Promise<void> {
  mustLive(await processes.startGenerator(), ending)
  const view = demoView(process.stdout, log)
  const { signal } = ending
  while (!signal.aborted) {
    const status = await look()
    if (!signal.aborted) view.show(status)
    await pause(LOOK_EVERY_MS)
  }
}
