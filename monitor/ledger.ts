/** What the rows say of one stage since the beginning. */
export interface StageAccount {
  readonly stage: string
  /** Messages that were sent to the topic it reads by the stage before it, whichever that was. */
  readonly arrived: number
  /** Messages that entered the pipeline here. */
  readonly entered: number
  readonly processed: number
  readonly dead: number
  /** Seconds, of all its processes together. */
  readonly busy: number
}

/** The rows' account. */
export interface Account {
  /** In the order of the flow. */
  readonly stages: readonly StageAccount[]
  /** Of all messages, those of stages that are no more, too. */
  readonly entered: number
  readonly finished: number
  readonly dead: number
  readonly duplicates: number
  /** Saved by a generator and not yet sent: not in front of the first stage, and not lost. */
  readonly unsent: number
}

/** The accounts before and after the broker was asked: what moved meanwhile is in one and not in the other. */
export interface Accounts {
  readonly before: Account
  readonly after: Account
}

/** How many are missing in front of each stage, by its name; a stage of which that is not known is absent. */
export type Missing = ReadonlyMap<string, number>

/**
 * How many messages the rows say wait at each stage that the broker does not have, at one moment.
 *
 * While messages move, the two accounts are never of the same instant. So the fewest that may wait by the rows are
 * compared with what waits by the broker; and what the stage before has saved and not yet sent on, it has not committed
 * either, so it is found in front of that stage.
 * @param broker messages waiting in front of each stage, by its name; one that could not be read is absent
 */
export function missingNow({ before, after }: Accounts, broker: ReadonlyMap<string, number>): Missing {
  const missing = new Map<string, number>()
  let unsent: number | undefined = Math.max(before.unsent, after.unsent)
  for (const { stage, arrived, entered } of before.stages) {
    const now = after.stages.find((row) => row.stage === stage)
    const waiting = broker.get(stage)
    const more =
      now && waiting !== undefined ? arrived + entered - now.processed - now.dead - waiting : undefined
    if (more !== undefined && unsent !== undefined) missing.set(stage, Math.max(0, more - unsent))
    unsent = more && Math.max(0, -more)
  }
  return missing
}

/** How many were missing at some moment. */
export interface MissingMoment {
  /** Seconds on a clock that only goes forward. */
  readonly at: number
  readonly missing: Missing
}

/** Seconds for which the accounts have to disagree. */
const PATIENCE = 60

/** Those that were missing all the time: a message on its way may seem so for a moment. */
export function missingFor(
  history: readonly MissingMoment[],
  stage: string,
  patience: number = PATIENCE,
): number {
  const known = history.flatMap(({ at, missing }) => {
    const count = missing.get(stage)
    return count === undefined ? [] : [{ at, count }]
  })
  const first = known.findLastIndex(({ at }) => (known.at(-1)?.at ?? at) - at >= patience)
  return first === -1 ? 0 : Math.min(...known.slice(first).map(({ count }) => count))
}

/** All messages: where they are. */
export interface Ledger {
  readonly entered: number
  readonly in_flight: number
  readonly finished: number
  readonly dead: number
  readonly duplicates: number
  readonly missing: number
}

/** Entered = in flight + finished + dead + missing. */
export function ledgerOf({ entered, finished, dead, duplicates }: Account, missing: number): Ledger {
  return { entered, in_flight: entered - finished - dead - missing, finished, dead, duplicates, missing }
}
