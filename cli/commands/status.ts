import pRetry from 'p-retry'
import { readBacklog } from '../../kafka/backlog.ts'
import type { Admin } from '../../kafka/client.ts'
import { isBad, type Verdict } from '../../monitor/verdict.ts'
import { type Config, exportsTraces, readConfig } from '../../pipeline/config.ts'
import { monitoredGroups, tracerName, type MonitoredGroup } from '../../pipeline/route.ts'
import type { Database } from '../../sql/database.ts'
import {
  type LatestSample,
  readEndToEnd,
  readLatestSamples,
  readMessageTotals,
  readOpenDeadLetters,
  readRecentTimes,
  readStageTotals,
} from '../../sql/read-status.ts'
import { formatCount } from '../../stages/refusal.ts'
import { sleep } from '../../telemetry/wait-until.ts'
import { type CliCommand, exitCode } from '../options.ts'
import { groupsOf, renderStatus, type GroupStatus, type StageStatus, type Status } from '../render/render-status.ts'
import { createRedraw, print, printJson, terminalWidth, untilInterrupted } from '../render/terminal.ts'
import { serverMistake, withDatabase, withKafka } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('where the pipeline stands')
    .description(
      'Shows for each stage how many processes run it, how many messages it has done, how many are dead there, how many dead ' +
        'letters are open (of the latest 10,000) and how many wait in front of it, and how long messages waited and were worked on in the last minute. Below are the ' +
        'sums, and for each stage that is not OK what is wrong and which message has waited longest, and for each that wants ' +
        'more or fewer processes than it has how many. The tracer is also ' +
        'shown where traces are exported. Exits with 1 when a stage or the tracer is stopped, stalled or falling behind. ' +
        'Stalled and falling behind need a monitor, which has samples of the last minute: without one, a stage in front ' +
        'of which messages wait while processes run it is UNKNOWN, and that exits with 0.',
    )
    .option('--json', 'print values: names in Ms are in milliseconds, oldest and drain in seconds, null is unknown')
    .option('-w, --watch', 'show it again every second until Ctrl-C')
    .examples({
      'A table that stays up to date': 'npx throughline status --watch',
      'How many messages wait in all': "npx throughline status --json | jq '[.stages[].waiting] | add'",
    })
    .action(async ({ json = false, watch }: { json?: boolean; watch?: true }) => {
      const config = readConfig()
      await withDatabase(config, (database) =>
        withKafka(config, async ({ admin }) => {
          const sources = { config, database, admin }
          if (watch) await watchStatus(sources, json)
          else showOnce(await readStatus(sources), json)
        }),
      )
    })
}

function showOnce(status: Status, asJson: boolean): void {
  if (asJson) printJson(status)
  else print(renderStatus(status, terminalWidth()))
  process.exitCode = groupsOf(status).some(({ verdict }) => isBad(verdict)) ? exitCode.failure : exitCode.ok
}

/** Until SIGINT or SIGTERM. When a server goes away later, it says so and goes on. */
async function watchStatus(sources: StatusSources, asJson: boolean): Promise<void> {
  const signal = untilInterrupted()
  const redraw = createRedraw(process.stdout)
  let text = ''
  const show = (status: Status) => {
    text = renderStatus(status, terminalWidth())
    if (asJson) print(JSON.stringify(status))
    else redraw(text)
  }
  const complain = (error: unknown) => {
    const mistake = serverMistake(error, sources.config)
    if (mistake === undefined) throw error
    if (asJson) process.stderr.write(`${mistake.message}\n`)
    else redraw(`${text}\n${mistake.message}`)
  }
  show(await readStatus(sources))
  for (;;) {
    await sleep(1000, signal)
    if (signal.aborted) return
    await readStatus(sources).then(show, complain)
  }
}

export interface StatusSources {
  readonly config: Config
  readonly database: Database
  /** Connected. */
  readonly admin: Admin
}

/** The state of the pipeline now. The number of queries does not depend on the number of rows. */
export async function readStatus({ config, database, admin }: StatusSources): Promise<Status> {
  const samples = await readLatestSamples(database)
  const hasMonitor = samples.size > 0
  const groups = monitoredGroups(config, hasMonitor ? samples.has(tracerName) : exportsTraces())
  const [totals, letters, messages, times, endToEnd, counts] = await Promise.all([
    readStageTotals(database),
    readOpenDeadLetters(database),
    readMessageTotals(database),
    readRecentTimes(database),
    readEndToEnd(database),
    readCounts(admin, groups),
  ])
  const stages: StageStatus[] = []
  let tracer: GroupStatus | null = null
  for (const group of counts) {
    const { name: stage, position, running, waiting } = group
    const { missing: _, ...sample } = samples.get(stage) ?? sampleOf(group)
    const status = { position, stage, running, waiting, ...sample, verdict: sample.verdict as Verdict }
    const { processed: done = 0, dead = 0, duplicates = 0 } = totals.get(stage) ?? {}
    const { waitMs = null, workMs = null } = times.get(stage) ?? {}
    const openDeadLetters = letters.get(stage)?.open ?? 0
    if (group.isStage) stages.push({ ...status, done, dead, openDeadLetters, duplicates, waitMs, workMs })
    else tracer = status
  }
  const missing = hasMonitor ? samples.values().reduce((sum, sample) => sum + (sample.missing ?? 0), 0) : null
  const { entered, finished, dead, duplicates } = messages
  const inFlight = Math.max(0, entered - finished - dead - (missing ?? 0))
  const openDeadLetters = letters.values().reduce((sum, { open }) => sum + open, 0)
  const hasOlderDeadLetters = letters.values().some(({ hasOlder }) => hasOlder)
  const sums = { entered, finished, dead, openDeadLetters, hasOlderDeadLetters, duplicates, inFlight, missing, endToEnd }
  return { stages, tracer, ...sums }
}

/** A consumer group with its members, and the messages that wait for it. */
export type GroupCount = MonitoredGroup & { readonly running: number; readonly waiting: number }

/** Retries for a few seconds: a broker that has just started has no coordinators or leaders yet. */
export async function readCounts(admin: Admin, groups: readonly MonitoredGroup[]): Promise<GroupCount[]> {
  const read = async () => {
    const described = await admin.describeGroups(groups.map(({ group }) => group))
    const members = new Map(described.groups.map((each) => [each.groupId, each.members.length]))
    const counts = groups.map(async (each) => {
      const backlogs = await Promise.all(each.topics.map((source) => readBacklog(admin, { group: each.group, source })))
      const waiting = backlogs.flat().reduce((total, backlog) => total + backlog.waiting, 0n)
      return Object.assign({ running: members.get(each.group) ?? 0, waiting: Number(waiting) }, each)
    })
    return await Promise.all(counts)
  }
  const shouldRetry = ({ error }: { error: Error }) =>
    'type' in error && /COORDINATOR|GROUP_LOAD|LEADER/.test(String(error.type))
  return await pRetry(read, { retries: 5, minTimeout: 200, maxTimeout: 1000, shouldRetry })
}

/** What one reading of the broker tells. A trend needs the samples of a monitor. */
function sampleOf({ name, command, running, waiting }: GroupCount): LatestSample {
  const sample = (verdict: Verdict, summary: string) => ({
    verdict,
    sentence: `${name} ${summary}`,
    oldest: null,
    oldestMessage: null,
    arrivals: null,
    served: null,
    drain: null,
    utilisation: null,
    partitions: null,
    assigned: null,
    wanted: null,
    missing: null,
  })
  if (waiting === 0) return sample('OK', 'is idle: nothing waits')
  const backlog = `${formatCount(waiting)} waiting`
  return running === 0
    ? sample('STOPPED', `is stopped: ${backlog}, and no process runs it; start it: ${command}`)
    : sample('UNKNOWN', `has ${backlog}`)
}
