import type { Outcome } from './compute.ts'
import { plainArray } from './database.ts'
import { traceIdOf } from './message.ts'

/** Where a batch was taken, and where it goes. */
export interface Place {
  readonly stage: string
  readonly topic: string
  /** The topic to which its results go. */
  readonly target: string
}

/** What an insert did: how many rows are new, and when not all are, which: "id/attempt". */
export interface Inserted {
  readonly count: number
  readonly keys: readonly string[] | null
}

export const noneInserted: Inserted = { count: 0, keys: null }

/** The columns that results and dead letters share, as parameters: id to offset, the foreign trace, then the times. */
export function outcomeColumns(outcomes: readonly Outcome[]): string[] {
  return [
    plainArray(outcomes.map(({ message }) => message.id)),
    plainArray(outcomes.map(({ message }) => message.attempt)),
    plainArray(outcomes.map(({ message }) => message.partition)),
    plainArray(outcomes.map(({ message }) => message.offset)),
    plainArray(
      outcomes.map(({ message }) => {
        const traceId = traceIdOf(message)
        return traceId === message.id ? null : traceId
      }),
    ),
    plainArray(outcomes.map(({ message }) => message.enteredAt)),
    plainArray(outcomes.map(({ message }) => message.sentAt ?? null)),
    plainArray(outcomes.map(({ message }) => message.queuedAt)),
    plainArray(outcomes.map(({ startedAt }) => startedAt)),
    plainArray(outcomes.map(({ computedAt }) => computedAt)),
  ]
}
