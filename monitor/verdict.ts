import { ageOf } from './age.ts'
import { momentsOf, type PartitionMoment, type StageMoment } from './moments.ts'

/** From bad to good: the worst of a stage's partitions is the word for the stage. */
export const verdicts = ['UNKNOWN', 'STOPPED', 'STALLED', 'FALLING BEHIND', 'CATCHING UP', 'OK'] as const
export type Verdict = (typeof verdicts)[number]

/** Those that somebody should do something about. */
export function isBad(verdict: Verdict): boolean {
  return verdict === 'STOPPED' || verdict === 'STALLED' || verdict === 'FALLING BEHIND'
}

/** Seconds. */
const SILENCE = 15
const STALL = 30
const CALM = 30
const YOUNG = 5
const TREND = 60
/** Arrivals in bursts make a stage that is too slow look well for a moment. */
const STICKY = 30
/** Less is no trend: a process that has just come back begins with one partition, and others wait a moment longer. */
const SHORTEST_TREND = 10

/**
 * The word for a stage, from what was seen of it.
 * @param history the moments of the last minute and a bit, oldest first
 * @param now seconds, on the clock of the moments' `at`
 */
export function judgeStage(history: readonly StageMoment[], now: number): Verdict {
  const latest = history.at(-1)
  if (latest === undefined || now - latest.at > SILENCE) return 'UNKNOWN'
  const words = new Set(
    latest.partitions.map(({ partition }) => judgePartition(momentsOf(history, partition))),
  )
  return verdicts.find((verdict) => words.has(verdict)) ?? 'OK'
}

/** The partitions that are not well, or not yet. */
export function unwellPartitions(history: readonly StageMoment[]): string[] {
  const partitions = history.at(-1)?.partitions.map(({ partition }) => partition) ?? []
  return partitions.filter((partition) => judgePartition(momentsOf(history, partition)) !== 'OK')
}

function judgePartition(moments: readonly PartitionMoment[]): Verdict {
  const latest = moments.at(-1)
  if (latest === undefined) return 'UNKNOWN'
  if (latest.waiting > 0 && latest.members === 0) return 'STOPPED'
  if (isStalled(moments, latest)) return 'STALLED'
  if (isCalm(moments, latest) || ageOf(moments) < YOUNG) return 'OK'
  return hasFallenBehind(moments, latest) ? 'FALLING BEHIND' : 'CATCHING UP'
}

/** Nothing waited a short while ago; what has come since was never left alone. */
function isCalm(moments: readonly PartitionMoment[], latest: PartitionMoment): boolean {
  const left = moments.findLastIndex(({ waiting, members }) => waiting > 0 && members === 0)
  return moments.slice(left + 1).some(({ waiting, at }) => waiting === 0 && latest.at - at <= CALM)
}

/** Somebody is there, and has committed nothing although something waited all the time. */
function isStalled(moments: readonly PartitionMoment[], latest: PartitionMoment): boolean {
  if (latest.waiting === 0) return false
  const since = streak(
    moments,
    ({ waiting, committed, isCommitted, members }) =>
      waiting > 0 && members > 0 && (committed === latest.committed || (!isCommitted && !latest.isCommitted)),
  )
  return latest.at - since.at >= STALL
}

/** It was so a short while ago: where messages come in bursts, the oldest grows younger now and then. */
function hasFallenBehind(moments: readonly PartitionMoment[], { at }: PartitionMoment): boolean {
  return moments.some(
    (moment, index) => at - moment.at <= STICKY && isFallingBehind(moments.slice(0, index + 1)),
  )
}

/**
 * The oldest has grown older while somebody was there to take it, and no fewer wait than before. The age alone would
 * call every burst that: until all of it is done, its oldest grows older by the second.
 */
function isFallingBehind(moments: readonly PartitionMoment[]): boolean {
  const latest = moments.at(-1)
  if (latest === undefined) return false
  const since = streak(
    moments,
    ({ at, waiting, members }) => waiting > 0 && members > 0 && latest.at - at <= TREND,
  )
  const isLonger = latest.at - since.at >= SHORTEST_TREND
  return isLonger && latest.waiting >= since.waiting && hasAged(moments, since)
}

function hasAged(moments: readonly PartitionMoment[], since: PartitionMoment): boolean {
  const latest = moments.at(-1) ?? since
  if (latest.oldestAt !== undefined && since.oldestAt !== undefined) {
    // By the records' own times: a jump of our clock makes nothing older.
    return (latest.oldestAt - since.oldestAt) / 1000 < latest.at - since.at
  }
  return ageOf(moments) > ageOf(moments.slice(0, moments.indexOf(since) + 1))
}

/** The first of the moments up to the last that are all `so`. */
function streak(
  moments: readonly PartitionMoment[],
  so: (moment: PartitionMoment) => boolean,
): PartitionMoment {
  const broken = moments.findLastIndex((moment) => !so(moment))
  const first = moments[broken + 1] ?? moments.at(-1)
  if (first === undefined) throw new RangeError('No moment, no streak')
  return first
}
