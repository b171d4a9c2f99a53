import { ageOf, partitionSamples, type PartitionSample, type StageSample } from './samples.ts'

/** From bad to good: the worst verdict of a stage's partitions is the stage's. */
export const verdicts = ['UNKNOWN', 'STOPPED', 'STALLED', 'FALLING BEHIND', 'CATCHING UP', 'OK'] as const
export type Verdict = (typeof verdicts)[number]

/** Whether an operator should act. */
export function isBad(verdict: Verdict): boolean {
  return verdict === 'STOPPED' || verdict === 'STALLED' || verdict === 'FALLING BEHIND'
}

/** Seconds. */
const UNKNOWN_AFTER = 15
const STALLED_AFTER = 30
const OK_AFTER_EMPTY = 30
const OK_BELOW_AGE = 5
const LONGEST_TREND = 60
/** A process that has just started begins with one partition, and the others wait a little longer: that is no trend. */
const SHORTEST_TREND = 10
/** FALLING BEHIND stays for this long: with arrivals in bursts a stage that is too slow looks well in between. */
const STICKY = 30

/**
 * The verdict on a stage, and its partitions whose verdict is not OK.
 * @param history the samples of the window, oldest first
 * @param now seconds, on the clock of the samples' `at`
 */
export function judgeStage(
  history: readonly StageSample[],
  now: number,
): { readonly verdict: Verdict; readonly partitionsNotOk: readonly string[] } {
  const latest = history.at(-1)
  if (latest === undefined || now - latest.at > UNKNOWN_AFTER) return { verdict: 'UNKNOWN', partitionsNotOk: [] }
  const found = latest.partitions.map(({ partition }) => judgePartition(partitionSamples(history, partition)))
  const verdict = verdicts.find((candidate) => found.includes(candidate)) ?? 'OK'
  const partitionsNotOk = latest.partitions.filter((_, index) => found[index] !== 'OK')
  return { verdict, partitionsNotOk: partitionsNotOk.map(({ partition }) => partition) }
}

function judgePartition(samples: readonly PartitionSample[]): Verdict {
  const latest = samples.at(-1)
  if (latest === undefined) return 'UNKNOWN'
  if (latest.waiting > 0 && latest.members === 0) return 'STOPPED'
  if (isStalled(samples, latest)) return 'STALLED'
  if (isCalm(samples, latest) || ageOf(samples) < OK_BELOW_AGE) return 'OK'
  return hasFallenBehind(samples, latest) ? 'FALLING BEHIND' : 'CATCHING UP'
}

/** Nothing waited a short while ago, and what has come since always had a member to read it. */
function isCalm(samples: readonly PartitionSample[], latest: PartitionSample): boolean {
  const abandoned = samples.findLastIndex(({ waiting, members }) => waiting > 0 && members === 0)
  return samples.slice(abandoned + 1).some(({ waiting, at }) => waiting === 0 && latest.at - at <= OK_AFTER_EMPTY)
}

/** The group has members and has committed nothing, although records waited all the time. */
function isStalled(samples: readonly PartitionSample[], latest: PartitionSample): boolean {
  const since = startOfStreak(
    samples,
    ({ waiting, committed, isCommitted, members }) =>
      waiting > 0 && members > 0 && (committed === latest.committed || (!isCommitted && !latest.isCommitted)),
  )
  return since !== undefined && latest.at - since.at >= STALLED_AFTER
}

function hasFallenBehind(samples: readonly PartitionSample[], { at }: PartitionSample): boolean {
  return samples.some((sample, index) => at - sample.at <= STICKY && isFallingBehind(samples.slice(0, index + 1)))
}

/**
 * The oldest record has grown older while the group had members, and no fewer wait than before. The age alone would not do: in
 * every burst the oldest grows older until all of the burst is done.
 */
function isFallingBehind(samples: readonly PartitionSample[]): boolean {
  const latest = samples.at(-1)
  if (latest === undefined) return false
  const since = startOfStreak(
    samples,
    ({ at, waiting, members }) => waiting > 0 && members > 0 && latest.at - at <= LONGEST_TREND,
  )
  if (since === undefined || latest.at - since.at < SHORTEST_TREND || latest.waiting < since.waiting) return false
  if (latest.oldestAt !== undefined && since.oldestAt !== undefined) {
    // By the append times: a jump of the monitor's time of day makes nothing older.
    return (latest.oldestAt - since.oldestAt) / 1000 < latest.at - since.at
  }
  return ageOf(samples) > ageOf(samples.slice(0, samples.indexOf(since) + 1))
}

/** The first sample of the unbroken run of such samples that ends with the last one; undefined when that is not one. */
function startOfStreak(
  samples: readonly PartitionSample[],
  isPart: (sample: PartitionSample) => boolean,
): PartitionSample | undefined {
  return samples[samples.findLastIndex((sample) => !isPart(sample)) + 1]
}
