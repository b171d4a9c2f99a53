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
