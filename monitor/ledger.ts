import type { Queryable } from '../sql/database.ts'

/** What the rows say of one stage since the beginning. */
export interface StageLedgerTotals {
  readonly stage: string
  /** Messages sent to the topic it reads by the stage before it, whichever that was. */
  readonly arrived: number
  /** Messages that entered the pipeline here. */
  readonly entered: number
  readonly processed: number
  readonly dead: number
  /** Seconds, of all its processes together. */
  readonly busy: number
}

/** What the rows say of all messages, including those of stages that were removed. */
export interface LedgerTotals {
  /** In the order of the flow. */
  readonly stages: readonly StageLedgerTotals[]
  readonly entered: number
  readonly finished: number
  readonly dead: number
  readonly duplicates: number
  /** Messages in the outbox: saved by a generator and not sent yet, so neither in front of the first stage nor lost. */
  readonly unsent: number
}

/** The same few rows however many messages there were; the outbox has an index of what is unsent. */
const selectStages = `
select stage, arrived::float8, entered::float8, processed::float8, dead::float8, busy_seconds as busy
from stage_totals order by position`

const selectAll = `
select entered::float8, finished::float8, dead::float8, duplicates::float8,
  (select count(*)::float8 from outbox) as unsent
from message_totals`

export async function readLedgerTotals(database: Queryable): Promise<LedgerTotals> {
  const { rows: stages } = await database.query<StageLedgerTotals>(selectStages)
  const { rows } = await database.query<Omit<LedgerTotals, 'stages'>>(selectAll)
  const [all] = rows
  if (all === undefined) throw new Error('message_totals has no row')
  return { stages, ...all }
}

/** Messages missing in front of each stage, by its name; a stage for which that is unknown is absent. */
export type Missing = ReadonlyMap<string, number>

export interface LedgerSample {
  /** Seconds, monotonic. */
  readonly at: number
  readonly totals: LedgerTotals
  readonly missing: Missing
}

/**
 * How many messages wait at each stage by the rows and not by the broker.
 *
 * While messages move, rows and broker are never of the same instant. So the fewest that may wait by the rows, read before and
 * after the broker was asked, are compared with what waits by the broker; and what the stage before has saved and not sent
 * yet, it has not committed either, so it is found in front of that stage.
 * @param waiting messages in front of each stage by the broker; a stage that could not be read is absent
 */
export function missingNow(
  { before, after }: { readonly before: LedgerTotals; readonly after: LedgerTotals },
  waiting: ReadonlyMap<string, number>,
): Missing {
  const missing = new Map<string, number>()
  let unsent: number | undefined = Math.max(before.unsent, after.unsent)
  for (const { stage, arrived, entered } of before.stages) {
    const now = after.stages.find((totals) => totals.stage === stage)
    const atBroker = waiting.get(stage)
    const more = now && atBroker !== undefined ? arrived + entered - now.processed - now.dead - atBroker : undefined
    if (more !== undefined && unsent !== undefined) missing.set(stage, Math.max(0, more - unsent))
    unsent = more && Math.max(0, -more)
  }
  return missing
}

/** Messages that were missing in every sample for `seconds`: one that is being sent seems missing for an instant. */
export function missingFor(history: readonly Pick<LedgerSample, 'at' | 'missing'>[], stage: string, seconds = 60): number {
  const known = history.filter(({ missing }) => missing.has(stage))
  const end = known.at(-1)?.at ?? 0
  const first = known.findLastIndex(({ at }) => end - at >= seconds)
  return first === -1 ? 0 : Math.min(...known.slice(first).map(({ missing }) => missing.get(stage) ?? 0))
}

/** Where all messages are: entered = in flight + finished + dead + missing. */
export interface Ledger extends Omit<LedgerTotals, 'stages' | 'unsent'> {
  readonly in_flight: number
  readonly missing: number
}

export function ledgerOf({ entered, finished, dead, duplicates }: LedgerTotals, missing: number): Ledger {
  return { entered, in_flight: entered - finished - dead - missing, finished, dead, duplicates, missing }
}
