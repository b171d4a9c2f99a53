import type { Route } from '../../pipeline/route.ts'
import { ledgerOf, missingFor, type Account, type Ledger, type MissingMoment } from './ledger.ts'
import { ageOf } from './age.ts'
import { momentsOf, type StageMoment } from './moments.ts'
import type { Sample } from './sample.ts'
import { sentenceOf } from './sentence.ts'
import { trendsOf, type Trends } from './trends.ts'
import { judgeStage, unwellPartitions, type Verdict } from './verdict.ts'

/** What the monitor says of one stage. */
export interface StageReport extends Trends {
  readonly stage: string
  readonly position: number
  readonly verdict: Verdict
  readonly sentence: string
  readonly waiting: number
  /** Age of the oldest that waits, in seconds; 0 when nothing waits. */
  readonly oldest: number
  /** How busy its processes are, 0 to 1; null when nobody runs it or there is nothing to compare with. */
  readonly utilisation: number | null
  readonly members: number
  /** Partitions that a member takes from. */
  readonly assigned: number
  readonly missing: number
  /** The same for each partition. */
  readonly partitions: readonly {
    readonly partition: number
    readonly waiting: number
    readonly oldest: number
  }[]
}

export interface Report {
  /** Milliseconds since the epoch. */
  readonly wallMs: number
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

/**
 * Says of every stage how it is. Pure: the same of the same history.
 * @param patience seconds for which the two accounts have to disagree until messages are missing
 */
export function report(
  flow: readonly Route[],
  seen: Seen,
  now: { at: number; wallMs: number },
  patience?: number,
): Report {
  const account = seen.accounts.at(-1)?.account
  const stages = flow.map((route) => {
    return reportStage(route, seen, missingFor(seen.accounts, route.stage.name, patience), now)
  })
  const missing = stages.reduce((sum, stage) => sum + stage.missing, 0)
  return { wallMs: now.wallMs, stages, ledger: account && ledgerOf(account, missing) }
}

function reportStage(
  { stage: { name: stage }, position }: Route,
  { samples, accounts }: Seen,
  missing: number,
  now: { at: number; wallMs: number },
): StageReport {
  const history = samples.flatMap(({ at, wallMs, groups }): StageMoment[] => {
    const group = groups.get(stage)
    return group === undefined ? [] : [{ at, wallMs, ...group }]
  })
  const { members = 0, assigned = 0, partitions: latest = [] } = history.at(-1) ?? {}
  const partitions = latest.map(({ partition, waiting }) => {
    return { partition, waiting, oldest: ageOf(momentsOf(history, partition)) }
  })
  const waiting = partitions.reduce((sum, partition) => sum + partition.waiting, 0)
  const oldest = Math.max(0, ...partitions.map((partition) => partition.oldest))
  const verdict = judgeStage(history, now.at)
  const trends = trendsOf(history)
  const unwell = unwellPartitions(history)
  const findings = { stage, verdict, waiting, oldest, members, assigned, unwell, ...trends }
  return {
    ...findings,
    position,
    missing,
    partitions,
    utilisation: utilisationOf(accounts, stage, members),
    sentence: sentenceOf({ ...findings, partitions: partitions.length }),
  }
}

/** Seconds over which it is a mean. */
const WINDOW = 30

function utilisationOf(accounts: readonly AccountMoment[], stage: string, members: number): number | null {
  const latest = accounts.at(-1)
  const first = accounts.find(({ at }) => latest !== undefined && latest.at - at <= WINDOW)
  if (latest === undefined || first === undefined || first === latest || members === 0) return null
  const busyIn = ({ account }: AccountMoment) => account.stages.find((row) => row.stage === stage)?.busy ?? 0
  const busy = busyIn(latest) - busyIn(first)
  return Math.min(1, Math.max(0, busy / (latest.at - first.at) / members))
}
