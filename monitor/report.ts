import { ledgerOf, missingFor, type Account, type Ledger, type MissingMoment } from './ledger.ts'
import { ageOf, oldestSeen } from './age.ts'
import { momentsOf, type StageMoment } from './moments.ts'
import type { MonitoredGroup } from './monitored-groups.ts'
import type { Sample } from './sample.ts'
import { sentenceOf } from './sentence.ts'
import { trendsOf, type Trends } from './trends.ts'
import { judgeStage, unwellPartitions, type Verdict } from './verdict.ts'

/** What the monitor says of one stage, or of the tracer. */
export interface StageReport extends Trends {
  readonly stage: string
  readonly position: number
  readonly verdict: Verdict
  readonly sentence: string
  readonly waiting: number
  /** Age of the oldest that waits, in seconds; 0 when nothing waits. */
  readonly oldest: number
  /** The id of the message that is the oldest, 32 hex digits; null when nothing waits or it could not be read. */
  readonly oldestMessage: string | null
  /** How busy those processes are that have partitions, 0 to 1; null when none has or there is nothing to compare with. */
  readonly utilisation: number | null
  readonly members: number
  /** Partitions that a member takes from. */
  readonly assigned: number
  /** Null when one of the two accounts could not be read lately, and for the tracer, of which there is one account only. */
  readonly missing: number | null
  /** The same for each partition. */
  readonly partitions: readonly {
    readonly partition: string
    readonly waiting: number
    readonly oldest: number
  }[]
}

export interface Report {
  /** When the broker was asked last, seconds since the epoch; undefined when it has not answered lately. */
  readonly sampledAt: number | undefined
  readonly stages: readonly StageReport[]
  /** Undefined when the rows could not be read. */
  readonly ledger: Ledger | undefined
}

/** The rows' account at a moment. */
export interface AccountMoment extends MissingMoment {
  readonly account: Account
}

/** What the monitor has seen lately, oldest first. */
export interface Seen {
  readonly samples: readonly Sample[]
  readonly accounts: readonly AccountMoment[]
}

/** Seconds after which an account says nothing any more. */
const SILENCE = 15

/**
 * Says of every group how it is. Pure: the same of the same history.
 * @param now seconds, on the clock of the moments' `at`
 * @param patience seconds for which the two accounts have to disagree until messages are missing
 */
export function report(
  groups: readonly MonitoredGroup[],
  { samples, accounts: all }: Seen,
  now: number,
  patience?: number,
): Report {
  const latest = all.at(-1)
  const isFresh = latest !== undefined && now - latest.at <= SILENCE
  const accounts = isFresh ? all : []
  const stages = groups.map((group): StageReport => {
    const missing = isFresh && group.isStage ? missingFor(accounts, group.name, patience) : null
    return { missing, ...reportGroup(group, { samples, accounts }, now) }
  })
  const missing = stages.reduce((sum, stage) => sum + (stage.missing ?? 0), 0)
  const wallMs = samples.at(-1)?.wallMs
  return {
    sampledAt: wallMs && wallMs / 1000,
    stages,
    ledger: isFresh ? ledgerOf(latest.account, missing) : undefined,
  }
}

function reportGroup(
  { name: stage, position, isStage, command }: MonitoredGroup,
  { samples, accounts }: Seen,
  now: number,
): Omit<StageReport, 'missing'> {
  const history = samples.flatMap(({ at, wallMs, groups }): StageMoment[] => {
    const group = groups.get(stage)
    return group === undefined ? [] : [{ at, wallMs, ...group }]
  })
  const latest = history.at(-1)
  const { members = 0, working = 0, assigned = 0 } = latest ?? {}
  const partitions = (latest?.partitions ?? []).map(({ partition, waiting }) => {
    const since = waiting > 0 ? now - (latest?.at ?? now) : 0
    const moments = momentsOf(history, partition)
    const oldest = ageOf(moments) + since
    return { partition, waiting, oldest, oldestMessage: oldestSeen(moments)?.oldestMessage }
  })
  const waiting = partitions.reduce((sum, partition) => sum + partition.waiting, 0)
  const late = partitions.filter((partition) => partition.waiting > 0)
  const [first] = late.toSorted((one, other) => other.oldest - one.oldest)
  const oldest = first?.oldest ?? 0
  const verdict = judgeStage(history, now)
  const trends = trendsOf(history)
  const unwell = unwellPartitions(history)
  const findings = { stage, verdict, waiting, oldest, members, assigned, unwell, command, ...trends }
  return {
    ...findings,
    position,
    partitions,
    oldestMessage: first?.oldestMessage ?? null,
    utilisation: isStage ? utilisationOf(accounts, stage, working) : null,
    sentence: sentenceOf({ ...findings, partitions: partitions.length }),
  }
}

/** Seconds over which it is a mean. */
const WINDOW = 30

/** @param working processes that have something to take from */
function utilisationOf(accounts: readonly AccountMoment[], stage: string, working: number): number | null {
  const latest = accounts.at(-1)
  const first = accounts.find(({ at }) => latest !== undefined && latest.at - at <= WINDOW)
  if (latest === undefined || first === undefined || first === latest || working === 0) return null
  const busyIn = ({ account }: AccountMoment) => account.stages.find((row) => row.stage === stage)?.busy ?? 0
  const busy = busyIn(latest) - busyIn(first)
  // Less than before is another count, with nothing to compare with.
  return busy < 0 ? null : Math.min(1, busy / (latest.at - first.at) / working)
}
