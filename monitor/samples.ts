import type { LedgerSample } from './ledger.ts'

/** What waits in front of a consumer group on one partition. */
export interface PartitionState {
  /** Its number, such as `3`; of a group that reads several topics, the topic too: `finish/3`. */
  readonly partition: string
  /** The offset that the next record will get. */
  readonly end: bigint
  /** The first offset that is not done. */
  readonly committed: bigint
  /** Whether the group has committed that; otherwise it is the start of the log, which moves when records are removed. */
  readonly isCommitted: boolean
  readonly waiting: number
  /** Append time of the oldest record waiting, milliseconds since the epoch; undefined when nothing waits or it cannot be read. */
  readonly oldestAt: number | undefined
  /** Its message's id, 32 hex digits; undefined likewise. */
  readonly oldestMessage: string | undefined
}

/** A consumer group as the broker describes it. */
export interface GroupState {
  readonly members: number
  /** Members with at least one partition: with more members than partitions some have none. */
  readonly working: number
  /** Partitions that a member is assigned. */
  readonly assigned: number
  readonly partitions: readonly PartitionState[]
}

/** Two clocks: ages depend on the time of day, and elapsed times must not. */
interface SampleTime {
  /** Seconds, monotonic. */
  readonly at: number
  /** Milliseconds since the epoch. */
  readonly wallMs: number
}

/** All groups, by the name of the stage or `tracer`. */
export interface Sample extends SampleTime {
  readonly groups: ReadonlyMap<string, GroupState>
}
export interface StageSample extends SampleTime, GroupState {}
export interface PartitionSample extends SampleTime, PartitionState {
  readonly members: number
}

/** The samples of one group, without those in which it could not be read. */
export function historyOf(samples: readonly Sample[], name: string): StageSample[] {
  return samples.flatMap(({ at, wallMs, groups }) => {
    const group = groups.get(name)
    return group === undefined ? [] : [{ at, wallMs, ...group }]
  })
}

export function totalWaiting(partitions: readonly { readonly waiting: number }[]): number {
  return partitions.reduce((sum, { waiting }) => sum + waiting, 0)
}

/** The samples of one partition since its topic was created: a topic that is created again begins at offset 0. */
export function partitionSamples(history: readonly StageSample[], partition: string): PartitionSample[] {
  const samples = history.flatMap(({ at, wallMs, members, partitions }) => {
    const state = partitions.find((candidate) => candidate.partition === partition)
    return state === undefined ? [] : [{ ...state, at, wallMs, members }]
  })
  const recreated = samples.findLastIndex(({ end }, index) => end < (samples[index - 1]?.end ?? 0n))
  return samples.slice(Math.max(0, recreated))
}

/**
 * Age of the oldest record waiting at the last of these samples, in seconds; 0 when nothing waits.
 *
 * The time of day gives it, within bounds that the monotonic clock sets: the record was not there when the log ended before
 * it, and was there when the log ended after it. So a jump of the time of day, or a record that cannot be read, leaves an age
 * that is right as far as the samples go back.
 */
export function ageOf(samples: readonly PartitionSample[]): number {
  const latest = samples.at(-1)
  if (latest === undefined || latest.waiting === 0) return 0
  const { at, wallMs, committed } = latest
  const before = samples.findLast(({ end }) => end <= committed)
  const since = samples.find(({ end }) => end > committed) ?? latest
  const oldestAt = oldestRead(samples)?.oldestAt
  const byTimeOfDay = oldestAt === undefined ? 0 : (wallMs - oldestAt) / 1000
  return Math.min(at - (before?.at ?? Number.NEGATIVE_INFINITY), Math.max(at - since.at, byTimeOfDay))
}

/** The sample in which the record was read that is the oldest now: an earlier one, where it could not be read again. */
export function oldestRead(samples: readonly PartitionSample[]): PartitionSample | undefined {
  const latest = samples.at(-1)
  if (latest === undefined || latest.waiting === 0) return undefined
  return samples.findLast(({ committed, oldestAt }) => committed === latest.committed && oldestAt !== undefined)
}

/** Seconds over which rates and utilisation are means. */
const MEAN_WINDOW = 30

/** The first and the last sample of the window of means; undefined when there is no earlier sample than the last. */
export function meanWindow<T extends { readonly at: number }>(samples: readonly T[]): readonly [T, T] | undefined {
  const latest = samples.at(-1)
  const first = samples.find(({ at }) => latest !== undefined && latest.at - at <= MEAN_WINDOW)
  return latest === undefined || first === undefined || first === latest ? undefined : [first, latest]
}

/** How fast messages arrive in front of a stage and leave it. */
export interface Trends {
  /** Messages a second; null while there is nothing to compare with. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits at these rates; null when that is never. */
  readonly drain: number | null
}

/** @param history oldest first */
export function trendsOf(history: readonly StageSample[]): Trends {
  const partitions = history.at(-1)?.partitions ?? []
  const waiting = totalWaiting(partitions)
  const rates = partitions.flatMap(({ partition }) => rateOf(partitionSamples(history, partition)) ?? [])
  const idle = waiting === 0 ? 0 : null
  if (rates.length === 0) return { arrivals: null, served: null, drain: idle }
  const arrivals = rates.reduce((sum, rate) => sum + rate.arrivals, 0)
  const served = rates.reduce((sum, rate) => sum + rate.served, 0)
  return { arrivals, served, drain: served > arrivals ? waiting / (served - arrivals) : idle }
}

/** Of one partition, messages a second; undefined while there is nothing to compare with. */
export function rateOf(samples: readonly PartitionSample[]) {
  const [first, latest] = meanWindow(samples) ?? []
  if (first === undefined || latest === undefined) return undefined
  const seconds = latest.at - first.at
  // Offsets that were set back or have expired, and records that were removed unread, were not served.
  const served = latest.isCommitted ? Math.max(0, Number(latest.committed - first.committed)) : 0
  return { arrivals: Number(latest.end - first.end) / seconds, served: served / seconds }
}

/** What was sampled lately, oldest first. */
export interface SlidingWindow {
  samples: readonly Sample[]
  ledgerSamples: readonly LedgerSample[]
}

/** The longest that a verdict looks back, with a few samples more. */
export const WINDOW_SECONDS = 105

/** The samples with one more, and without those that it pushes out of the window. */
export function slide<T extends { readonly at: number }>(samples: readonly T[], next: T): T[] {
  return [...samples.filter(({ at }) => next.at - at <= WINDOW_SECONDS), next]
}
