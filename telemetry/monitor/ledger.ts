/** What the rows say of one stage since the beginning. */
export interface StageAccount {
  readonly stage: string
  /** Messages that entered the pipeline here. */
  readonly entered: number
  readonly processed: number
  readonly dead: number
  readonly copies: number
  /** Seconds, of all its processes together. */
  readonly busy: number
}

/** The rows' account of all stages, in the order of the flow. */
export interface Account {
  readonly stages: readonly StageAccount[]
  /** Saved by a generator and not yet sent: not in front of the first stage, and not lost. */
  readonly unsent: number
}

/** The accounts before and after the broker was asked: what moved meanwhile is in one and not in the other. */
export interface Accounts {
  readonly before: Account
  readonly after: Account
}

/**
 * How many messages the rows say wait at each stage that the broker does not have, at one moment.
 *
 * While messages move, the two accounts are never of the same instant. So the fewest that may wait by the rows are
 * compared with what waits by the broker; and what the stage before has saved and not yet sent on, it has not committed
 * either, so it is found in front of that stage.
 * @param broker messages waiting in front of each stage, in the order of the flow
 */
export function missingNow({ before, after }: Accounts, broker: readonly number[]): number[] {
  const fewest = broker.map((_, index) => fewestWaiting(before, after, index))
  return fewest.map((waiting, index) => {
    const unsent = index === 0 ? Math.max(before.unsent, after.unsent) : unsentBy(index - 1)
    return Math.max(0, waiting - (broker[index] ?? 0) - unsent)
  })

  function unsentBy(index: number): number {
    return Math.max(0, (broker[index] ?? 0) - (fewest[index] ?? 0))
  }
}

function fewestWaiting(before: Account, after: Account, index: number): number {
  const arrived = (before.stages[index - 1]?.processed ?? 0) + (before.stages[index]?.entered ?? 0)
  return arrived - (after.stages[index]?.processed ?? 0) - (after.stages[index]?.dead ?? 0)
}

/** How many were missing at some moment, at each stage. */
export interface MissingMoment {
  /** Seconds on a clock that only goes forward. */
  readonly at: number
  readonly missing: readonly number[]
}

/** Seconds for which the accounts have to disagree. */
const PATIENCE = 60

/** Those that were missing all the time: a message on its way may seem so for a moment. */
export function missingFor(history: readonly MissingMoment[], patience: number = PATIENCE): number[] {
  const latest = history.at(-1)
  if (latest === undefined) return []
  const first = history.findLastIndex(({ at }) => latest.at - at >= patience)
  const during = history.slice(Math.max(0, first))
  return latest.missing.map((_, index) =>
    first === -1 ? 0 : Math.min(...during.map(({ missing }) => missing[index] ?? 0)),
  )
}

/** All messages: where they are. */
export interface Ledger {
  readonly entered: number
  readonly in_flight: number
  readonly finished: number
  readonly dead: number
  readonly copies: number
  readonly missing: number
}

/** Entered = in flight + finished + dead + missing. */
export function ledgerOf({ stages }: Account, missing: readonly number[]): Ledger {
  const sum = (of: (account: StageAccount) => number) =>
    stages.reduce((total, account) => total + of(account), 0)
  const entered = sum((account) => account.entered)
  const dead = sum((account) => account.dead)
  const finished = stages.at(-1)?.processed ?? 0
  const lost = missing.reduce((total, count) => total + count, 0)
  return {
    entered,
    in_flight: entered - finished - dead - lost,
    finished,
    dead,
    copies: sum((account) => account.copies),
    missing: lost,
  }
}
