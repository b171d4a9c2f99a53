import type { Admin } from 'kafkajs'
import pRetry from 'p-retry'
import type { Config } from '../../pipeline/config.ts'
import type { Database } from '../../sql/database.ts'
import { routes, type Route } from '../../pipeline/route.ts'
import { count } from '../../stages/refusal.ts'
import { readBacklog } from '../../telemetry/backlog.ts'
import { isBad, type Verdict } from '../../telemetry/monitor/verdict.ts'
import {
  readEndToEnd,
  readMessageTotals,
  readOpinions,
  readRecentTimes,
  readTotals,
  type EndToEnd,
} from './status-data.ts'

export interface StageStatus {
  readonly position: number
  readonly stage: string
  /** Processes that run it: the members of its consumer group. */
  readonly running: number
  readonly done: number
  readonly dead: number
  /** Came again from another offset, and were dropped. */
  readonly duplicates: number
  /** Messages in front of it, by the broker's account. */
  readonly waiting: number
  /** Medians over the last minute, milliseconds; null when nothing passed. */
  readonly waitMs: number | null
  readonly workMs: number | null
  /** The monitor's; without one what can be said from a single look. */
  readonly verdict: Verdict
  readonly sentence: string
  /** The rest is the monitor's alone, and null without one. Age of the oldest that waits, in seconds. */
  readonly oldest: number | null
  /** Messages a second. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits at this pace; null also when it would take for ever. */
  readonly drain: number | null
  /** How busy its processes are, 0 to 1. */
  readonly utilisation: number | null
  /** Of its topic, and how many of them a process has. */
  readonly partitions: number | null
  readonly assigned: number | null
}

export type { EndToEnd }

export interface Status {
  /** In the order of the flow. */
  readonly stages: readonly StageStatus[]
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

/** Where the pipeline stands now. The same few queries however many rows there are. */
export async function readStatus({ config, database, admin }: StatusSources): Promise<Status> {
  const flow = routes(config)
  const [totals, { entered, finished, dead, duplicates }, times, endToEnd, opinions, [waiting, running]] =
    await Promise.all([
      readTotals(database),
      readMessageTotals(database),
      readRecentTimes(database),
      readEndToEnd(database),
      readOpinions(database),
      askBroker(admin, flow),
    ])
  const stages = flow.map(({ stage: { name }, position, group }, index): StageStatus => {
    const counts = { running: running.get(group) ?? 0, waiting: waiting[index] ?? 0 }
    const { verdict, sentence, ...seen } = opinions.get(name) ?? firstSight(name, counts)
    return {
      position,
      stage: name,
      verdict,
      sentence,
      running: counts.running,
      waiting: counts.waiting,
      oldest: seen.oldest,
      waitMs: times.get(name)?.waitMs ?? null,
      workMs: times.get(name)?.workMs ?? null,
      arrivals: seen.arrivals,
      served: seen.served,
      drain: seen.drain,
      utilisation: seen.utilisation,
      partitions: seen.partitions,
      assigned: seen.assigned,
      done: totals.get(name)?.processed ?? 0,
      dead: totals.get(name)?.dead ?? 0,
      duplicates: totals.get(name)?.duplicates ?? 0,
    }
  })
  const missing =
    opinions.size === 0
      ? null
      : opinions.values().reduce((total, { missing: some }) => total + (some ?? 0), 0)
  const inFlight = Math.max(0, entered - finished - dead - (missing ?? 0))
  return { stages, entered, finished, dead, duplicates, inFlight, missing, endToEnd }
}

/** A broker that has just started takes a moment to find out who leads and coordinates what; kafkajs does not wait for it. */
async function askBroker(admin: Admin, flow: readonly Route[]) {
  const ask = () =>
    Promise.all([Promise.all(flow.map((route) => countWaiting(admin, route))), countRunning(admin, flow)])
  return await pRetry(ask, { retries: 5, minTimeout: 200, maxTimeout: 1000, shouldRetry: isUnsettled })
}

function isUnsettled({ error }: { error: Error }): boolean {
  return 'type' in error && /COORDINATOR|GROUP_LOAD|LEADER/.test(String(error.type))
}

async function countWaiting(admin: Admin, route: Route): Promise<number> {
  const partitions = await readBacklog(admin, route)
  return Number(partitions.reduce((total, { waiting }) => total + waiting, 0n))
}

async function countRunning(admin: Admin, flow: readonly Route[]): Promise<Map<string, number>> {
  const { groups } = await admin.describeGroups(flow.map(({ group }) => group))
  return new Map(groups.map(({ groupId, members }) => [groupId, members.length]))
}

/** A stage about which somebody should do something. */
export function isUnwell({ verdict }: StageStatus): boolean {
  return isBad(verdict)
}

const unseen = {
  oldest: null,
  arrivals: null,
  served: null,
  drain: null,
  utilisation: null,
  partitions: null,
  assigned: null,
}

/** What can be said without a monitor, which alone has seen more than this moment. */
function firstSight(stage: string, { running, waiting }: { running: number; waiting: number }) {
  const first = (verdict: Verdict, sentence: string) => ({
    ...unseen,
    verdict,
    sentence: `${stage} ${sentence}`,
  })
  if (waiting === 0) return first('OK', 'is idle: nothing waits')
  const backlog = `${count(waiting)} waiting`
  return running === 0
    ? first('STOPPED', `is stopped: ${backlog}, and nobody runs it; start it: throughline run ${stage}`)
    : first('UNKNOWN', `has ${backlog}`)
}
