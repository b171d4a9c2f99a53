import { readMessageTotals, readStageTotals, type MessageTotals, type StageTotals } from '../sql/read-status.ts'
import type { Queryable } from '../sql/database.ts'

/** What the rows say since the beginning. */
export interface LedgerTotals {
  /** By the name of the stage, in the order of the flow. */
  readonly stages: ReadonlyMap<string, Omit<StageTotals, 'duplicates'>>
  readonly messages: MessageTotals
}

export async function readLedgerTotals(database: Queryable): Promise<LedgerTotals> {
  return { stages: await readStageTotals(database), messages: await readMessageTotals(database) }
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
 * after the broker was asked, are compared with what waits by the broker. What the stage before may not have sent yet is not
 * missing: it is saved and not committed, so the broker has it in front of that stage.
 * @param waiting messages in front of each stage by the broker; a stage that could not be read is absent
 */
export function missingNow(
  { before, after }: { readonly before: LedgerTotals; readonly after: LedgerTotals },
  waiting: ReadonlyMap<string, number>,
): Missing {
  const missing = new Map<string, number>()
  let maybeUnsent: number | undefined = Math.max(before.messages.unsent, after.messages.unsent)
  for (const [stage, { arrived, entered }] of before.stages) {
    const now = after.stages.get(stage)
    const atBroker = waiting.get(stage)
    const beyondBroker = now && atBroker !== undefined ? arrived + entered - now.processed - now.dead - atBroker : undefined
    if (beyondBroker !== undefined && maybeUnsent !== undefined) {
      missing.set(stage, Math.max(0, beyondBroker - maybeUnsent))
    }
    maybeUnsent = beyondBroker && Math.max(0, -beyondBroker)
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

/** Where all messages are: entered = in flight + finished + dead + missing. The names are those of the columns. */
export type Ledger = Readonly<Record<'entered' | 'in_flight' | 'finished' | 'dead' | 'duplicates' | 'missing', number>>

export function ledgerOf({ messages }: LedgerTotals, missing: number): Ledger {
  const { entered, finished, dead, duplicates } = messages
  return { entered, in_flight: entered - finished - dead - missing, finished, dead, duplicates, missing }
}
