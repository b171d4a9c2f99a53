import { withDatabase, withKafka } from '../cli/servers.ts'
import { renderMessage } from '../cli/render/render-message.ts'
import type { Status } from '../cli/render/render-status.ts'
import { terminal } from '../cli/render/terminal.ts'
import { readStatus } from '../cli/status.ts'
import type { Config } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import type { Database } from '../sql/database.ts'
import { readMessage } from '../sql/read-message.ts'
import { formatCount } from '../stages/refusal.ts'
import { duration } from '../telemetry/time.ts'
import { WaitTimeout, sleep, waitUntil } from '../telemetry/wait-until.ts'
import { type DemoLog, demoView, intro } from './demo-output.ts'
import { DemoFailure, type DemoProcesses, abortOnExit } from './demo-processes.ts'

export interface DemoPipeline {
  readonly config: Config
  readonly servers: readonly { readonly name: string; readonly address: string }[]
  readonly processes: DemoProcesses
  readonly log: DemoLog
  readonly say: (line: string) => void
  readonly ending: AbortController
}

/** The pipeline while all its stages run. */
interface RunningPipeline extends DemoPipeline {
  readonly database: Database
  /** The status now; undefined after an error, which the log counts as a warning: servers may come back. */
  readonly read: () => Promise<Status | undefined>
  /** The status before the generator started. */
  readonly before: Status
}

const STATUS_EVERY_MS = 500
const STUCK_MS = 60_000

/**
 * Starts the processes of the pipeline and shows what they do, until the demo ends or `messages` are through.
 * @throws {DemoFailure} when a stage does not start, or when messages are missing
 */
export async function showPipeline(demo: DemoPipeline, messages: number | undefined): Promise<void> {
  const { config, servers, processes, log, say, ending } = demo
  await processes.migrate()
  say('Tables and topics are up to date.')
  await withDatabase(config, (database) =>
    withKafka(config, async ({ admin }) => {
      const read = () => log.orWarning('The status cannot be read', readStatus({ config, database, admin }))
      say(`Starting the stages; all logs go to ${log.path}`)
      for (const child of await processes.startStages()) void abortOnExit(child, ending)
      const before = await allStagesRunning(read, ending.signal)
      const running = { ...demo, database, read, before }
      if (messages === undefined) {
        say(intro(servers, config))
        await showUntilAborted(running)
      } else {
        say(`All stages are running. ${formatCount(messages)} messages go in at once.\n`)
        await sendMessages(messages, running)
      }
    }),
  )
}

/** Messages sent earlier would wait for the last process to start, and look slow. */
async function allStagesRunning(read: RunningPipeline['read'], signal: AbortSignal): Promise<Status> {
  let running = 0
  const ask = async () => {
    const status = await read()
    running = status?.stages.filter((stage) => stage.running > 0).length ?? running
    return status !== undefined && running === status.stages.length && status
  }
  const options = { timeoutMs: STUCK_MS, everyMs: 100, progress: () => running, signal }
  return await waitUntil('all stages run', ask, options).catch((cause: unknown) => {
    if (!(cause instanceof WaitTimeout)) throw cause
    throw new DemoFailure('Not all stages have joined their consumer groups.', { cause })
  })
}

async function showUntilAborted({ processes, ending, log, read }: RunningPipeline): Promise<void> {
  void abortOnExit(await processes.startGenerator(), ending)
  const view = demoView(process.stdout, log)
  while (!ending.signal.aborted) {
    const status = await read()
    if (!ending.signal.aborted) view.show(status)
    await sleep(STATUS_EVERY_MS, ending.signal)
  }
}

/** Sends messages, shows them on their way, and says what became of them and how one of them went. */
async function sendMessages(messages: number, running: RunningPipeline): Promise<void> {
  const { database, processes, ending, log, say, read, before } = running
  const since = newMessageId()
  const generator = await processes.startGenerator(messages)
  void abortOnExit({ ...generator, mayFinish: true }, ending)
  const view = demoView(process.stdout, log)
  let latest = before
  const areThrough = async () => {
    const status = await read()
    ending.signal.throwIfAborted()
    view.show(status)
    latest = status ?? latest
    // The exact outcome reads every message, so the counters come first.
    const settled = latest.finished + latest.dead - before.finished - before.dead
    if (status === undefined || !generator.ended || settled < messages) return false
    const outcome = await log.orWarning('The messages cannot be counted', readOutcome(database, since))
    return outcome !== undefined && missingOf(outcome, messages) === 0
  }
  const progress = () => latest.stages.reduce((sum, { done, dead }) => sum + done + dead, latest.entered)
  const options = { timeoutMs: STUCK_MS, everyMs: STATUS_EVERY_MS, progress, signal: ending.signal }
  const isComplete = await waitUntil('all messages are through', areThrough, options).catch((error: unknown) => {
    if (error instanceof WaitTimeout) return false
    throw error
  })
  view.end(latest)
  const outcome = await readOutcome(database, since)
  say(`${renderOutcome(outcome, messages)}\n`)
  if (outcome.typicalId !== null) say(renderMessage(await readMessage(database, outcome.typicalId), terminal().width))
  if (isComplete) return
  const missing = missingOf(outcome, messages)
  throw new DemoFailure(`Messages are missing: ${missing}. Nothing has moved for ${STUCK_MS / 1000} s.`)
}

/** What became of the messages of one run. */
export interface DemoOutcome {
  readonly entered: number
  readonly finished: number
  readonly dead: number
  /** End to end, in milliseconds; null when no message has finished. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  /** From the first entry to the last finish; null when no message has finished. */
  readonly seconds: number | null
  /** The message with the median time, or a dead one when none has finished; null when none entered. */
  readonly typicalId: string | null
}

const outcomeQuery = `
with own as (
  select i.message_id, f.entered_at, f.finished_at, f.finished_at - f.entered_at as took, d.message_id as dead_id
  from inputs i
  left join finished f on f.message_id = i.message_id and f.attempt = 1
  left join dead_letters d on d.message_id = i.message_id and d.attempt = 1
  where i.message_id >= $1
)
select count(*)::int as entered,
  count(finished_at)::int as finished,
  count(dead_id)::int as dead,
  (extract(epoch from percentile_cont(0.5) within group (order by took)) * 1000)::float8 as "p50Ms",
  (extract(epoch from percentile_cont(0.95) within group (order by took)) * 1000)::float8 as "p95Ms",
  extract(epoch from max(finished_at) - min(entered_at))::float8 as seconds,
  encode(uuid_send((array_agg(message_id order by took))[greatest(1, count(finished_at) / 2)]), 'hex') as "typicalId"
from own`

/** @param since an id from before the run: ids begin with the time */
async function readOutcome(database: Database, since: string): Promise<DemoOutcome> {
  const { rows } = await database.query<DemoOutcome>(outcomeQuery, [since])
  return rows[0]!
}

/** How many messages entered, or should have, and are neither finished nor dead. */
export function missingOf({ entered, finished, dead }: DemoOutcome, messages: number): number {
  return Math.max(messages, entered) - finished - dead
}

export function renderOutcome(outcome: DemoOutcome, messages: number): string {
  const { entered, finished, dead, p50Ms, p95Ms, seconds } = outcome
  const missing = missingOf(outcome, messages)
  const sums = `${formatCount(finished)} of ${formatCount(Math.max(messages, entered))} messages finished, ${formatCount(dead)} dead, ${formatCount(missing)} missing`
  if (seconds === null || seconds === 0) return sums
  const perSecond = finished / seconds
  const rate = perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond))
  return [
    sums,
    `end to end p50 ${duration(p50Ms)}, p95 ${duration(p95Ms)} (all at once into processes just started)`,
    `${duration(seconds * 1000)} from the first in to the last out, ${rate} messages a second`,
  ].join('\n')
}
