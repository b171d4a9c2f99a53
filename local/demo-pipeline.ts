import { look } from '../cli/output.ts'
import { readMessage } from '../cli/follow/read-message.ts'
import { type Status, type StatusSources, readStatus } from '../cli/status/read-status.ts'
import { renderMessage } from '../cli/follow/render-message.ts'
import { withDatabase } from '../cli/with-database.ts'
import { withKafka } from '../cli/with-kafka.ts'
import type { Config } from '../pipeline/config.ts'
import type { Database } from '../pipeline/database.ts'
import { newMessageId } from '../pipeline/message.ts'
import { count } from '../stages/refusal.ts'
import { DemoFailure, mustLive } from './demo-endings.ts'
import { intro } from './demo-intro.ts'
import type { DemoLog } from './demo-log.ts'
import { missingOf, readOutcome, renderOutcome } from './demo-outcome.ts'
import { untilDone } from './demo-patience.ts'
import type { DemoProcesses } from './demo-processes.ts'
import type { DemoServer } from './demo-servers.ts'
import { demoView } from './demo-view.ts'

export interface DemoPipeline {
  readonly config: Config
  readonly doors: readonly DemoServer[]
  readonly processes: DemoProcesses
  readonly log: DemoLog
  readonly say: (line: string) => void
  readonly ending: AbortController
  readonly messages: number | undefined
}

const EVERY_MS = 500
const PATIENCE_MS = 60_000

/** Starts the processes of the pipeline and shows what they do: for ever, or until `messages` are through. */
export async function showPipeline(demo: DemoPipeline): Promise<void> {
  const { config, doors, processes, ending, log, say, messages } = demo
  await processes.migrate()
  say('Tables and topics are up to date.')
  await withDatabase(config, (database) =>
    withKafka(config, async ({ admin }) => {
      const sources = { config, database, admin }
      say(`Starting the stages; the logs of all processes are in ${log.path}`)
      for (const stage of await processes.startStages()) mustLive(stage, ending)
      const before = await untilAllRun(sources, ending.signal)
      if (messages === undefined) {
        say(intro(doors, config))
        await showForEver(sources, before, demo)
      } else {
        say(`All stages are running. ${count(messages)} messages go in at once.\n`)
        await showMessages(sources, before, { ...demo, messages })
      }
    }),
  )
}

/** Messages that came before would wait for the last process to start, and look slow. */
async function untilAllRun(sources: StatusSources, signal: AbortSignal): Promise<Status> {
  const running = ({ stages }: Status) => stages.filter((stage) => stage.running > 0).length
  const status = await untilDone({
    look: () => readStatus(sources),
    isDone: (seen) => running(seen) === seen.stages.length,
    progressOf: running,
    patienceMs: PATIENCE_MS,
    everyMs: 100,
    signal,
  })
  if (status === undefined) throw new DemoFailure('Not all stages have joined their consumer groups.')
  return status
}

async function showForEver(sources: StatusSources, before: Status, demo: DemoPipeline): Promise<void> {
  const { processes, ending, log } = demo
  mustLive(await processes.startGenerator(), ending)
  const view = demoView(process.stdout, log)
  await untilDone({
    look: looking(sources, before, { log, show: view.show, signal: ending.signal }),
    isDone: () => false,
    progressOf: progress,
    patienceMs: Number.POSITIVE_INFINITY,
    everyMs: EVERY_MS,
    signal: ending.signal,
  })
}

async function showMessages(
  sources: StatusSources,
  before: Status,
  { processes, ending, log, say, messages }: DemoPipeline & { readonly messages: number },
): Promise<void> {
  const { database } = sources
  const since = newMessageId()
  const generator = await processes.startGenerator(messages)
  mustLive({ ...generator, mayFinish: true }, ending)
  const view = demoView(process.stdout, log)
  const isThrough = async ({ finished, dead }: Status) => {
    const came = finished - before.finished + dead - before.dead
    return came >= messages && missingOf(await readOutcome(database, since), messages) === 0
  }
  const last = await untilDone({
    look: looking(sources, before, { log, show: view.show, signal: ending.signal }),
    isDone: async (status) => generator.ended && (await isThrough(status)),
    progressOf: progress,
    patienceMs: PATIENCE_MS,
    everyMs: EVERY_MS,
    signal: ending.signal,
  })
  view.end(last ?? (await readStatus(sources)))
  const outcome = await readOutcome(database, since)
  say(`${renderOutcome(outcome, messages)}\n`)
  if (outcome.typicalId !== null) say(await path(database, outcome.typicalId))
  if (last === undefined) {
    const missing = missingOf(outcome, messages)
    throw new DemoFailure(`Messages are missing: ${missing}. Nothing has moved for ${PATIENCE_MS / 1000} s.`)
  }
}

interface Looking {
  readonly log: DemoLog
  readonly show: (status: Status) => void
  readonly signal: AbortSignal
}

/** A look that fails shows the one before: Kafka or Postgres may be back in a moment. */
function looking(
  sources: StatusSources,
  before: Status,
  { log, show, signal }: Looking,
): () => Promise<Status> {
  let latest = before
  return async () => {
    try {
      latest = await readStatus(sources)
    } catch (error) {
      log.warn(`The status cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
    signal.throwIfAborted()
    show(latest)
    return latest
  }
}

function progress({ entered, stages }: Status): number {
  return stages.reduce((sum, { done, dead }) => sum + done + dead, entered)
}

async function path(database: Database, id: string): Promise<string> {
  return renderMessage(await readMessage(database, id), look().width)
}
