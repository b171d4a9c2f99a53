import type { GroupSample, Moment, PartitionSample } from './sample.ts'

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
/** Less is no trend: a process that has just come back begins with one partition, and others wait a moment longer. */
const SHORTEST_TREND = 10

/** One stage at one moment, as its history holds it. */
export interface StageMoment extends Moment, GroupSample {}

/** One partition at one moment. */
interface PartitionMoment extends Moment, PartitionSample {
  readonly members: number
}

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
export function unwellPartitions(history: readonly StageMoment[]): number[] {
  const partitions = history.at(-1)?.partitions.map(({ partition }) => partition) ?? []
  return partitions.filter((partition) => judgePartition(momentsOf(history, partition)) !== 'OK')
}

/** Since the topic was made: one that is created again begins at offset 0, with nothing to compare with. */
export function momentsOf(history: readonly StageMoment[], partition: number): PartitionMoment[] {
  const moments = history.flatMap(({ at, wallMs, members, partitions }) => {
    const found = partitions.find((sample) => sample.partition === partition)
    return found === undefined ? [] : [{ ...found, at, wallMs, members }]
  })
  const anew = moments.findLastIndex(({ end }, index) => end < (moments[index - 1]?.end ?? 0n))
  return moments.slice(Math.max(0, anew))
}

function judgePartition(moments: readonly PartitionMoment[]): Verdict {
  const latest = moments.at(-1)
  if (latest === undefined) return 'UNKNOWN'
  if (latest.waiting > 0 && latest.members === 0) return 'STOPPED'
  if (isStalled(moments, latest)) return 'STALLED'
  if (isCalm(moments, latest) || ageOf(latest) < YOUNG) return 'OK'
  return isFallingBehind(moments, latest) ? 'FALLING BEHIND' : 'CATCHING UP'
}

/** Seconds since the broker got the oldest that waits; 0 when nothing waits, or the clocks disagree. */
export function ageOf({ oldestAt, wallMs }: { oldestAt: number | undefined; wallMs: number }): number {
  return oldestAt === undefined ? 0 : Math.max(0, (wallMs - oldestAt) / 1000)
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
    ({ waiting, committed, members }) => waiting > 0 && members > 0 && committed === latest.committed,
  )
  return latest.at - since.at >= STALL
}

/**
 * The oldest has grown older while somebody was there to take it, and no fewer wait than before. The age alone would
 * call every burst that: until all of it is done, its oldest grows older by the second.
 */
function isFallingBehind(moments: readonly PartitionMoment[], latest: PartitionMoment): boolean {
  const since = streak(
    moments,
    ({ at, waiting, members }) => waiting > 0 && members > 0 && latest.at - at <= TREND,
  )
  const elapsed = latest.at - since.at
  // By the records' own times: a jump of our clock makes nothing older.
  const advanced = ((latest.oldestAt ?? 0) - (since.oldestAt ?? 0)) / 1000
  return elapsed >= SHORTEST_TREND && advanced < elapsed && latest.waiting >= since.waiting
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
