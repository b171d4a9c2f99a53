import type { MonitoredGroup } from '../pipeline/route.ts'
import { formatCount } from '../stages/refusal.ts'
import { duration } from '../telemetry/time.ts'
import { ledgerOf, missingFor, type Ledger, type LedgerSample } from './ledger.ts'
import type { Scaling } from './processes-wanted.ts'
import {
  ageOf,
  historyOf,
  meanWindow,
  oldestRead,
  partitionSamples,
  totalWaiting,
  trendsOf,
  type SlidingWindow,
  type Trends,
} from './samples.ts'
import { judgeStage, type Verdict } from './verdict.ts'

/** What the sentence about a stage is made of. */
export interface Findings extends Trends {
  readonly stage: string
  /** The command that starts a process of it. */
  readonly command: string
  readonly verdict: Verdict
  readonly waiting: number
  /** Age of the oldest message waiting, in seconds; 0 when nothing waits. */
  readonly oldest: number
  readonly members: number
  readonly partitions: readonly { readonly partition: string; readonly waiting: number; readonly oldest: number }[]
  /** Partitions that a member is assigned. */
  readonly assigned: number
  /** The partitions that are not OK. */
  readonly partitionsNotOk: readonly string[]
}

/** How one stage, or the tracer, is. */
export interface StageReport extends Findings {
  readonly position: number
  readonly sentence: string
  /** The oldest message's id, 32 hex digits; null when nothing waits or it could not be read. */
  readonly oldestMessage: string | null
  /** How busy the members with partitions are, 0 to 1; null when there are none or there is nothing to compare with. */
  readonly utilisation: number | null
  /** Null when rows or broker could not be read lately, and for the tracer, which the ledger does not count. */
  readonly missing: number | null
  /** How many processes it wants; null when it was not watched for long enough, and for the tracer, of whose work there are no rows. */
  readonly wanted: number | null
}

export interface Report {
  /** When the broker was sampled last, seconds since the epoch; undefined before its first answer. */
  readonly sampledAt: number | undefined
  readonly stages: readonly StageReport[]
  /** Undefined when rows or broker could not be read lately. */
  readonly ledger: Ledger | undefined
}

interface ReportOptions {
  /** Seconds, on the clock of the samples' `at`. */
  readonly now: number
  /** Seconds for which rows and broker have to disagree until messages are missing. */
  readonly missingAfter?: number | undefined
  /** The latest decisions, by the name of the stage. */
  readonly scaling?: ReadonlyMap<string, Scaling> | undefined
}

/**
 * Between two samples. For so long a sample says how old the oldest record is; when the next one is overdue, as while the broker is
 * away, the age grows. Before, it must not: where the stage keeps up, the record that was under way has long been processed.
 */
export const SAMPLE_SECONDS = 5

/** Seconds after which a ledger sample is too old to be reported. */
const LEDGER_SILENCE = 15

/** Reports on every group. Pure: the same for the same window. */
export function report(groups: readonly MonitoredGroup[], window: SlidingWindow, options: ReportOptions): Report {
  const { samples } = window
  const isFresh = options.now - (window.ledgerSamples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) <= LEDGER_SILENCE
  const ledgerSamples = isFresh ? window.ledgerSamples : []
  const stages = groups.map((group) => reportGroup(group, { samples, ledgerSamples }, options))
  const missing = stages.reduce((sum, stage) => sum + (stage.missing ?? 0), 0)
  const wallMs = samples.at(-1)?.wallMs
  const latest = ledgerSamples.at(-1)
  return { sampledAt: wallMs && wallMs / 1000, stages, ledger: latest && ledgerOf(latest.totals, missing) }
}

function reportGroup(
  { name: stage, position, isStage, command }: MonitoredGroup,
  { samples, ledgerSamples }: SlidingWindow,
  { now, missingAfter, scaling }: ReportOptions,
): StageReport {
  const history = historyOf(samples, stage)
  const latest = history.at(-1)
  const { members = 0, working = 0, assigned = 0 } = latest ?? {}
  const overdue = Math.max(0, now - (latest?.at ?? now) - SAMPLE_SECONDS)
  const partitions = (latest?.partitions ?? []).map(({ partition, waiting }) => {
    const ofPartition = partitionSamples(history, partition)
    const oldest = waiting > 0 ? ageOf(ofPartition) + overdue : 0
    return { partition, waiting, oldest, oldestMessage: oldestRead(ofPartition)?.oldestMessage }
  })
  const withWaiting = partitions.filter(({ waiting }) => waiting > 0)
  const [first] = withWaiting.toSorted((one, other) => other.oldest - one.oldest)
  const findings: Findings = {
    stage,
    command,
    members,
    assigned,
    partitions,
    ...trendsOf(history),
    ...judgeStage(history, now),
    waiting: totalWaiting(partitions),
    oldest: first?.oldest ?? 0,
  }
  const isCounted = isStage && ledgerSamples.length > 0
  return {
    ...findings,
    position,
    sentence: sentenceOf(findings),
    oldestMessage: first?.oldestMessage ?? null,
    utilisation: isCounted ? utilisationOf(ledgerSamples, stage, working) : null,
    missing: isCounted ? missingFor(ledgerSamples, stage, missingAfter) : null,
    wanted: scaling?.get(stage)?.wanted ?? null,
  }
}

/** @param working members that have a partition */
function utilisationOf(history: readonly LedgerSample[], stage: string, working: number): number | null {
  const [first, latest] = meanWindow(history) ?? []
  if (first === undefined || latest === undefined || working === 0) return null
  const busyIn = ({ totals }: LedgerSample) => totals.stages.get(stage)?.busy ?? 0
  const busy = busyIn(latest) - busyIn(first)
  // A smaller sum than before is of counters that were reset.
  return busy < 0 ? null : Math.min(1, busy / (latest.at - first.at) / working)
}

/** One sentence for the person on call: how the stage is, in figures, and what helps. */
export function sentenceOf(findings: Findings): string {
  return `${findings.stage} ${sentences[findings.verdict](findings)}`
}

const sentences: Readonly<Record<Verdict, (findings: Findings) => string>> = {
  UNKNOWN: () => 'is unknown: its offsets cannot be read; are Kafka and its topic there?',
  STOPPED: (all) => `is stopped: ${waitingOf(all)}, and no process runs it; start it: ${all.command}`,
  STALLED: (all) =>
    `is stalled: ${waitingOf(all)}; ${processes(all.members)} there and committed nothing for 30 s; its log says why`,
  'FALLING BEHIND': (all) => `is falling behind: ${waitingOf(all)}${growth(all)}; ${remedy(all)}`,
  'CATCHING UP': (all) =>
    `is catching up: ${waitingOf(all)}${all.drain === null ? '' : `, done in about ${span(Math.ceil(all.drain))}`}`,
  OK({ waiting, members, served, oldest }) {
    if (waiting > 0) return `keeps up: ${formatCount(waiting)} waiting, oldest ${span(oldest)}`
    if (served !== null && served > 0) return `keeps up: nothing waits, ${perSecond(served)}`
    return `is idle: nothing waits${members === 0 ? ', and no process runs it' : ''}`
  },
}

function waitingOf({ waiting, oldest, partitionsNotOk, partitions }: Findings): string {
  const hot =
    partitionsNotOk.length === 1 && partitions.length > 1 ? `, all that is late on partition ${partitionsNotOk[0]}` : ''
  return `${formatCount(waiting)} waiting, oldest ${span(oldest)}${hot}`
}

function growth({ arrivals, served }: Findings): string {
  const more = (arrivals ?? 0) - (served ?? 0)
  return more > 0 ? `, +${perSecond(more)}` : ''
}

function remedy({ assigned, partitions: { length: partitions }, members, partitionsNotOk }: Findings): string {
  if (assigned === 0) return 'its group is still rebalancing'
  if (assigned < partitions) return `${assigned} of ${partitions} partitions have a consumer, add replicas`
  if (members < partitions && partitionsNotOk.length > 1) {
    return `${members} of at most ${partitions} replicas ${members === 1 ? 'runs' : 'run'}, add replicas`
  }
  return partitionsNotOk.length === 1 && partitions > 1
    ? 'one partition gets more than its share: spread the records'
    : 'every partition has a consumer of its own: make it faster, or add partitions'
}

/** Between ten seconds and a minute without tenths. */
function span(seconds: number): string {
  return seconds >= 10 && seconds < 59.5 ? `${Math.round(seconds)} s` : duration(seconds * 1000)
}

function processes(members: number): string {
  return members === 1 ? '1 process is' : `${formatCount(members)} processes are`
}

function perSecond(rate: number): string {
  return `${formatRate(rate)}/s`
}

/** Messages a second: "0.4", "22", "1,240" */
export function formatRate(rate: number): string {
  return rate < 10 ? String(Number(rate.toFixed(1))) : formatCount(Math.round(rate))
}
