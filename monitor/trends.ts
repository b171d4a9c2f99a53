import { momentsOf, type StageMoment } from './moments.ts'

/** How much comes and goes in front of a stage. */
export interface Trends {
  /** Messages a second over the last half minute; null while there is nothing to compare with. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits, as things go; null when it would take for ever. */
  readonly drain: number | null
}

/** Seconds. */
const WINDOW = 30

/** @param history oldest first */
export function trendsOf(history: readonly StageMoment[]): Trends {
  const latest = history.at(-1)
  const waiting = latest?.partitions.reduce((sum, partition) => sum + partition.waiting, 0) ?? 0
  const rates = latest?.partitions.map(({ partition }) => rateOf(history, partition)) ?? []
  const known = rates.filter((rate) => rate !== undefined)
  const nothing = waiting === 0 ? 0 : null
  if (known.length === 0) return { arrivals: null, served: null, drain: nothing }
  const arrivals = known.reduce((sum, rate) => sum + rate.arrivals, 0)
  const served = known.reduce((sum, rate) => sum + rate.served, 0)
  return { arrivals, served, drain: served > arrivals ? waiting / (served - arrivals) : nothing }
}

function rateOf(history: readonly StageMoment[], partition: string) {
  const moments = momentsOf(history, partition)
  const latest = moments.at(-1)
  if (latest === undefined) return undefined
  const first = moments.find(({ at }) => latest.at - at <= WINDOW) ?? latest
  const seconds = latest.at - first.at
  if (seconds === 0) return undefined
  // A group whose offsets were set back, or have expired, has served nothing by that, nor by what was removed unread.
  const served = latest.isCommitted ? Math.max(0, Number(latest.committed - first.committed)) : 0
  return { arrivals: Number(latest.end - first.end) / seconds, served: served / seconds }
}
