import type { Admin } from 'kafkajs'
import pRetry from 'p-retry'
import { exportsTraces, type Config } from '../pipeline/config.ts'
import type { Database } from './database.ts'
import { tracerName } from '../pipeline/route.ts'
import { count } from '../stages/refusal.ts'
import { readBacklog } from '../kafka/backlog.ts'
import { monitoredGroups, type MonitoredGroup } from '../monitor/monitored-groups.ts'
import { isBad, type Verdict } from '../monitor/verdict.ts'
import {
  readEndToEnd,
  readMessageTotals,
  readOpinions,
  readRecentTimes,
  readTotals,
  type EndToEnd,
  type Opinion,
} from '../cli/render/status-data.ts'

/** How a stage or the tracer is, seen from the broker. */
export interface GroupStatus {
  readonly position: number
  /** The stage's name, or `tracer`. */
  readonly stage: string
  /** Processes that run it: the members of its consumer group. */
  readonly running: number
  /** Messages in front of it, by the broker's account. */
  readonly waiting: number
  /** The monitor's; without one what can be said from a single look. */
  readonly verdict: Verdict
  readonly sentence: string
  /** The rest is the monitor's alone, and null without one. Age of the oldest that waits, in seconds. */
  readonly oldest: number | null
  /** The id of its message, 32 hex digits; null also when nothing waits. */
  readonly oldestMessage: string | null
  /** Messages a second. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits at this pace; null also when it would take for ever. */
  readonly drain: number | null
  /** How busy its processes are, 0 to 1. */
  readonly utilisation: number | null
  /** Of its topics, and how many of them a process has. */
  readonly partitions: number | null
  readonly assigned: number | null
}

/** What the rows say of it, too. */
export interface StageStatus extends GroupStatus {
  readonly done: number
  readonly dead: number
  /** Came again from another offset, and were dropped. */
  readonly duplicates: number
  /** Medians over the last minute, milliseconds; null when nothing passed. */
  readonly waitMs: number | null
  readonly workMs: number | null
}

export type { EndToEnd }

export interface Status {
  /** In the order of the flow. */
  readonly stages: readonly StageStatus[]
  /** Null where no traces are exported. */
  readonly tracer: GroupStatus | null
  readonly entered: number
  readonly finished: number
  readonly inFlight: number
  readonly dead: number
  readonly duplicates: number
  /** Messages that the rows say wait and the broker does not have; null without a monitor. */
  readonly missing: number | null
  /** Over the last minute; null when nothing finished. */
  readonly endToEnd: EndToEnd | null
}

export interface StatusSources {
  readonly config: Config
  readonly database: Database
  /** Connected. */
  readonly admin: Admin
}

const nothing = { processed: 0, dead: 0, duplicates: 0 }

/** Where the pipeline stands now. The same few queries however many rows there are. */
export async function readStatus({ config, database, admin }: StatusSources): Promise<Status> {
  const opinions = await readOpinions(database)
  // What the monitor watches is not to be guessed where there is one.
  const isTracing = opinions.size === 0 ? exportsTraces() : opinions.has(tracerName)
  const groups = monitoredGroups(config, isTracing)
  const [totals, { entered, finished, dead, duplicates }, times, endToEnd, broker] = await Promise.all([
    readTotals(database),
    readMessageTotals(database),
    readRecentTimes(database),
    readEndToEnd(database),
    askBroker(admin, groups),
  ])
  const stages: StageStatus[] = []
  let tracer: GroupStatus | null = null
  for (const group of groups) {
    const status = groupStatus(group, broker, opinions)
    const { processed: done, ...dropped } = totals.get(group.name) ?? nothing
    const { waitMs = null, workMs = null } = times.get(group.name) ?? {}
    if (group.isStage) stages.push({ ...status, done, ...dropped, waitMs, workMs })
    else tracer = status
  }
  const missing =
    opinions.size === 0
      ? null
      : opinions.values().reduce((total, { missing: some }) => total + (some ?? 0), 0)
  const inFlight = Math.max(0, entered - finished - dead - (missing ?? 0))
  return { stages, tracer, entered, finished, dead, duplicates, inFlight, missing, endToEnd }
}

/** By the names of the groups. */
interface BrokerCounts {
  readonly waiting: ReadonlyMap<string, number>
  readonly running: ReadonlyMap<string, number>
}

function groupStatus(
  group: MonitoredGroup,
  { waiting, running }: BrokerCounts,
  opinions: ReadonlyMap<string, Opinion>,
): GroupStatus {
  const { name, position } = group
  const counts = { running: running.get(name) ?? 0, waiting: waiting.get(name) ?? 0 }
  const { missing: _, ...opinion } = opinions.get(name) ?? firstSight(group, counts)
  return { position, stage: name, ...counts, ...opinion }
}

/** A broker that has just started takes a moment to find out who leads and coordinates what; kafkajs does not wait for it. */
async function askBroker(admin: Admin, groups: readonly MonitoredGroup[]): Promise<BrokerCounts> {
  const ask = async () => {
    const [waiting, running] = await Promise.all([
      Promise.all(groups.map(async (group) => [group.name, await countWaiting(admin, group)] as const)),
      countRunning(admin, groups),
    ])
    return { waiting: new Map(waiting), running }
  }
  return await pRetry(ask, { retries: 5, minTimeout: 200, maxTimeout: 1000, shouldRetry: isUnsettled })
}

function isUnsettled({ error }: { error: Error }): boolean {
  return 'type' in error && /COORDINATOR|GROUP_LOAD|LEADER/.test(String(error.type))
}

async function countWaiting(admin: Admin, { group, topics }: MonitoredGroup): Promise<number> {
  const backlogs = await Promise.all(topics.map((source) => readBacklog(admin, { group, source })))
  return Number(backlogs.flat().reduce((total, { waiting }) => total + waiting, 0n))
}

async function countRunning(admin: Admin, watched: readonly MonitoredGroup[]): Promise<Map<string, number>> {
  const { groups } = await admin.describeGroups(watched.map(({ group }) => group))
  const members = new Map(groups.map((each) => [each.groupId, each.members.length]))
  return new Map(watched.map(({ name, group }) => [name, members.get(group) ?? 0]))
}

/** Whether something has to be done about a stage or the tracer. */
export function isUnwell({ stages, tracer }: Status): boolean {
  return [...stages, ...(tracer ? [tracer] : [])].some(({ verdict }) => isBad(verdict))
}

const unseen = {
  oldest: null,
  oldestMessage: null,
  arrivals: null,
  served: null,
  drain: null,
  utilisation: null,
  partitions: null,
  assigned: null,
  missing: null,
}

/** What can be said without a monitor, which alone has seen more than this moment. */
function firstSight(
  { name, command }: MonitoredGroup,
  { running, waiting }: Pick<GroupStatus, 'running' | 'waiting'>,
): Opinion {
  const first = (verdict: Verdict, sentence: string) => ({
    ...unseen,
    verdict,
    sentence: `${name} ${sentence}`,
  })
  if (waiting === 0) return first('OK', 'is idle: nothing waits')
  const backlog = `${count(waiting)} waiting`
  return running === 0
    ? first('STOPPED', `is stopped: ${backlog}, and nobody runs it; start it: ${command}`)
    : first('UNKNOWN', `has ${backlog}`)
}
