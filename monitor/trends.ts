import { partitionSamples, totalWaiting, type StageSample } from './samples.ts'

/** How fast messages arrive in front of a stage and leave it. */
export interface Trends {
  /** Messages a second over the last half minute; null while there is nothing to compare with. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits at these rates; null when that is never. */
  readonly drain: number | null
}

/** Seconds. */
const WINDOW = 30

/** @param history oldest first */
export function trendsOf(history: readonly StageSample[]): Trends {
  const partitions = history.at(-1)?.partitions ?? []
  const waiting = totalWaiting(partitions)
  const rates = partitions.flatMap(({ partition }) => rateOf(history, partition) ?? [])
  const idle = waiting === 0 ? 0 : null
  if (rates.length === 0) return { arrivals: null, served: null, drain: idle }
  const arrivals = rates.reduce((sum, rate) => sum + rate.arrivals, 0)
  const served = rates.reduce((sum, rate) => sum + rate.served, 0)
  return { arrivals, served, drain: served > arrivals ? waiting / (served - arrivals) : idle }
}

function rateOf(history: readonly StageSample[], partition: string) {
  const samples = partitionSamples(history, partition)
  const latest = samples.at(-1)
  const first = samples.find(({ at }) => latest !== undefined && latest.at - at <= WINDOW)
  if (latest === undefined || first === undefined || first === latest) return undefined
  const seconds = latest.at - first.at
  // Offsets that were set back or have expired, and records that were removed unread, were not served.
  const served = latest.isCommitted ? Math.max(0, Number(latest.committed - first.committed)) : 0
  return { arrivals: Number(latest.end - first.end) / seconds, served: served / seconds }
}
