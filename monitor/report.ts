import { ledgerOf, missingFor, type Ledger, type LedgerSample } from './ledger.ts'
import type { MonitoredGroup } from '../pipeline/route.ts'
import { ageOf, oldestRead, partitionSamples, totalWaiting, type SlidingWindow, type StageSample } from './samples.ts'
import { summaryOf, type Findings } from './summary.ts'
import { trendsOf } from './trends.ts'
import { judgeStage } from './verdict.ts'

/** How one stage, or the tracer, is. */
export interface StageReport extends Findings {
  readonly position: number
  readonly summary: string
  /** The oldest message's id, 32 hex digits; null when nothing waits or it could not be read. */
  readonly oldestMessage: string | null
  /** How busy the members with partitions are, 0 to 1; null when there are none or there is nothing to compare with. */
  readonly utilisation: number | null
  /** Null when rows or broker could not be read lately, and for the tracer, which the ledger does not count. */
  readonly missing: number | null
}

export interface Report {
  /** When the broker was sampled last, seconds since the epoch; undefined when it has not answered lately. */
  readonly sampledAt: number | undefined
  readonly stages: readonly StageReport[]
  /** Undefined when the rows could not be read lately. */
  readonly ledger: Ledger | undefined
}

/** Seconds after which a ledger sample is too old to be reported. */
const LEDGER_SILENCE = 15

/**
 * Reports on every group. Pure: the same for the same window.
 * @param now seconds, on the clock of the samples' `at`
 * @param missingAfter seconds for which rows and broker have to disagree until messages are missing
 */
export function report(
  groups: readonly MonitoredGroup[],
  { samples, ledgerSamples }: SlidingWindow,
  { now, missingAfter }: { readonly now: number; readonly missingAfter?: number | undefined },
): Report {
  const latest = ledgerSamples.at(-1)
  const isFresh = latest !== undefined && now - latest.at <= LEDGER_SILENCE
  const window = { samples, ledgerSamples: isFresh ? ledgerSamples : [] }
  const stages = groups.map((group): StageReport => {
    const missing = isFresh && group.isStage ? missingFor(ledgerSamples, group.name, missingAfter) : null
    return { missing, ...reportGroup(group, window, now) }
  })
  const missing = stages.reduce((sum, stage) => sum + (stage.missing ?? 0), 0)
  const wallMs = samples.at(-1)?.wallMs
  return {
    sampledAt: wallMs && wallMs / 1000,
    stages,
    ledger: isFresh ? ledgerOf(latest.totals, missing) : undefined,
  }
}

function reportGroup(
  { name: stage, position, isStage, command }: MonitoredGroup,
  { samples, ledgerSamples }: SlidingWindow,
  now: number,
): Omit<StageReport, 'missing'> {
  const history = samples.flatMap(({ at, wallMs, groups }): StageSample[] => {
    const group = groups.get(stage)
    return group === undefined ? [] : [{ at, wallMs, ...group }]
  })
  const latest = history.at(-1)
  const { members = 0, working = 0, assigned = 0 } = latest ?? {}
  const sinceSample = now - (latest?.at ?? now)
  const partitions = (latest?.partitions ?? []).map(({ partition, waiting }) => {
    const ofPartition = partitionSamples(history, partition)
    const oldest = waiting > 0 ? ageOf(ofPartition) + sinceSample : 0
    return { partition, waiting, oldest, oldestMessage: oldestRead(ofPartition)?.oldestMessage }
  })
  const late = partitions.filter(({ waiting }) => waiting > 0)
  const [first] = late.toSorted((one, other) => other.oldest - one.oldest)
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
  return {
    ...findings,
    position,
    summary: summaryOf(findings),
    oldestMessage: first?.oldestMessage ?? null,
    utilisation: isStage ? utilisationOf(ledgerSamples, stage, working) : null,
  }
}

/** Seconds over which it is a mean. */
const UTILISATION_WINDOW = 30

/** @param working members that have a partition */
function utilisationOf(history: readonly LedgerSample[], stage: string, working: number): number | null {
  const latest = history.at(-1)
  const first = history.find(({ at }) => latest !== undefined && latest.at - at <= UTILISATION_WINDOW)
  if (latest === undefined || first === undefined || first === latest || working === 0) return null
  const busyIn = ({ totals }: LedgerSample) => totals.stages.find((row) => row.stage === stage)?.busy ?? 0
  const busy = busyIn(latest) - busyIn(first)
  // A smaller sum than before is of counters that were reset.
  return busy < 0 ? null : Math.min(1, busy / (latest.at - first.at) / working)
}
