import type { WriteStream } from 'node:tty'
import { renderMessage } from '../cli/render/render-message.ts'
import { type Status, renderStatus } from '../cli/render/render-status.ts'
import { createRedraw, print, terminalWidth } from '../cli/render/terminal.ts'
import { withDatabase, withKafka } from '../cli/servers.ts'
import { type StatusSources, readStatus } from '../cli/commands/status.ts'
import { type Config, readConfig } from '../pipeline/config.ts'
import { newMessageId } from '../pipeline/message.ts'
import { select } from '../sql/database.ts'
import { readMessage } from '../sql/read-message.ts'
import { formatCount } from '../stages/refusal.ts'
import { duration } from '../telemetry/time.ts'
import { WaitTimeout, waitUntil } from '../telemetry/wait-until.ts'
import { DemoFailure, type DemoLog, type DemoProcesses } from './demo-processes.ts'

export interface DemoPipeline {
  readonly config: Config
  readonly processes: DemoProcesses
  readonly log: DemoLog
  readonly signal: AbortSignal
}

const STUCK_MS = 60_000

/**
 * Starts the processes of the pipeline and shows what they do, until the demo ends or `messages` are through.
 * @throws {DemoFailure} when a stage does not start, or when messages are missing
 */
export async function showPipeline(demo: DemoPipeline, messages: number | undefined): Promise<void> {
  const { config, processes, log } = demo
  await processes.migrate()
  print(`Tables and topics are up to date.\nStarting the stages; all logs go to ${log.path}`)
  await processes.startStages()
  await withDatabase(config, (database) =>
    withKafka(config, async ({ admin }) => {
      const read = statusReader({ config, database, admin }, log)
      const before = await allStagesRunning(read, demo.signal)
      if (messages === undefined) {
        print(intro(config))
        await showMessages(demo, read, { before })
        return
      }
      print(`All stages are running. ${formatCount(messages)} messages go in at once.\n`)
      const since = newMessageId()
      const outcome = await showMessages(demo, read, { before, messages })
      const [times] = await select<DemoTimes>(database, timesQuery, [since])
      print(`\n${renderOutcome(outcome, times)}\n`)
      if (times !== undefined) print(renderMessage(await readMessage(database, times.typicalId), terminalWidth()))
      if (outcome.missing === 0) return
      throw new DemoFailure(`Messages are missing: ${outcome.missing}. Nothing has moved for ${STUCK_MS / 1000} s.`)
    }),
  )
}

/** The status now; the one before after an error, which the log counts as a warning: servers may come back. */
type StatusReader = () => Promise<Status | undefined>

function statusReader(sources: StatusSources, log: DemoLog): StatusReader {
  let latest: Status | undefined
  return async () => {
    try {
      latest = await readStatus(sources)
    } catch (error) {
      log.warn(`The status cannot be read: ${(error as Error).message}`)
    }
    return latest
  }
}

/** Messages sent earlier would wait for the last process to start, and look slow. */
async function allStagesRunning(read: StatusReader, signal: AbortSignal): Promise<Status> {
  let running = 0
  const ask = async () => {
    const status = await read()
    running = status?.stages.filter((stage) => stage.running > 0).length ?? 0
    return running === status?.stages.length && status
  }
  const options = { timeoutMs: STUCK_MS, everyMs: 100, progress: () => running, signal }
  return await waitUntil('all stages run', ask, options).catch((cause: unknown) => {
    if (!(cause instanceof WaitTimeout)) throw cause
    throw new DemoFailure('Not all stages have joined their consumer groups.', { cause })
  })
}

/**
 * Starts the generator and shows the status, until the demo ends, or until `messages` are through or nothing moves any more.
 * @param before the status before
 */
async function showMessages(
  { processes, log, signal }: DemoPipeline,
  read: StatusReader,
  { before, messages }: { before: Status; messages?: number },
) {
  const generator = await processes.startGenerator(messages)
  const view = demoView(process.stdout, log)
  let latest = before
  const areThrough = async () => {
    latest = (await read()) ?? latest
    signal.throwIfAborted()
    view.show(latest)
    return generator.ended && outcomeOf(before, latest, messages).missing === 0
  }
  const timeoutMs = messages === undefined ? Infinity : STUCK_MS
  const progress = () => latest.stages.reduce((sum, { done, dead }) => sum + done + dead, latest.entered)
  await waitUntil('all messages are through', areThrough, { timeoutMs, everyMs: 500, progress, signal }).catch(
    (error: unknown) => {
      if (!(error instanceof WaitTimeout)) throw error
    },
  )
  view.end(latest)
  return outcomeOf(before, latest, messages)
}

type Totals = Pick<Status, 'entered' | 'finished' | 'dead'>

/**
 * What became of the messages of one run. `sent` are those that entered, or should have.
 * @param messages how many should have entered
 */
export function outcomeOf(before: Totals, after: Totals, messages = 0) {
  const sent = Math.max(messages, after.entered - before.entered)
  const finished = after.finished - before.finished
  const dead = after.dead - before.dead
  return { sent, finished, dead, missing: sent - finished - dead }
}

interface DemoTimes {
  /** End to end, in milliseconds. */
  readonly p50Ms: number
  readonly p95Ms: number
  /** From the first entry to the last finish. */
  readonly seconds: number
  /** The message with the median time. */
  readonly typicalId: string
}

/** The times of the messages that have finished; no row when none has. $1: an id from before the run, since ids begin with the time. */
const timesQuery = `
with own as (select message_id, entered_at, finished_at, finished_at - entered_at as took from finished where message_id >= $1)
select (extract(epoch from percentile_cont(0.5) within group (order by took)) * 1000)::float8 as "p50Ms",
  (extract(epoch from percentile_cont(0.95) within group (order by took)) * 1000)::float8 as "p95Ms",
  extract(epoch from max(finished_at) - min(entered_at))::float8 as seconds,
  encode(uuid_send((array_agg(message_id order by took))[count(*) / 2 + 1]), 'hex') as "typicalId"
from own
having count(*) > 0`

export function renderOutcome(
  { sent, finished, dead, missing }: ReturnType<typeof outcomeOf>,
  times: Omit<DemoTimes, 'typicalId'> | undefined,
): string {
  const sums = `${formatCount(finished)} of ${formatCount(sent)} messages finished, ${formatCount(dead)} dead, ${formatCount(missing)} missing`
  if (times === undefined) return sums
  const { p50Ms, p95Ms, seconds } = times
  return [
    sums,
    `end to end p50 ${duration(p50Ms)}, p95 ${duration(p95Ms)} (all at once into processes just started)`,
    `${duration(seconds * 1000)} from the first in to the last out, ${formatCount(Math.round(finished / seconds))} messages a second`,
  ].join('\n')
}

const PIPE_EVERY_MS = 5000

/** Shows the status as a table with the newest warnings below: redrawn in a terminal, elsewhere every five seconds and at the end. */
export function demoView(stream: WriteStream, log: Pick<DemoLog, 'warningLines'>, clock: () => number = Date.now) {
  const redraw = createRedraw(stream)
  let shownAt = clock()
  const end = (status: Status) => {
    redraw([renderStatus(status, terminalWidth()), '', ...log.warningLines()].join('\n').trimEnd())
    shownAt = clock()
  }
  const show = (status: Status) => {
    if (stream.isTTY || clock() - shownAt >= PIPE_EVERY_MS) end(status)
  }
  return { show, end }
}

/** The variables by which a command in another terminal finds this pipeline. */
const shared = [
  'BOOTSTRAP_SERVERS',
  'TOPIC_PREFIX',
  'DB_HOST',
  'DB_PORT',
  'DB_NAME',
  'DB_USER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
] as const

/** What to try while the demo runs. */
export function intro(config: Config): string {
  const defaults = readConfig({})
  const changed = shared.filter((key) => String(config[key]) !== String(defaults[key]))
  const settings = changed.map((key) => `${key}=${String(config[key])}`)
  return [
    '',
    'Ctrl-C stops everything. In another terminal:',
    ...(settings.length > 0 ? [`  export ${settings.join(' ')}`] : []),
    `  npx throughline submit '{"numbers":[1.5,2.5]}'`,
    '  npx throughline follow ID      # the id that submit prints',
    '',
  ].join('\n')
}
