import type { PartitionMoment } from './moments.ts'

/**
 * Age of the oldest that waits at the last of these moments, in seconds; 0 when nothing waits.
 *
 * The time of day says it, as long as it agrees with what was seen on the clock that only goes forward: the record was not
 * there yet when the log ended before it, and was there when the log ended behind it. So a jump of the time of day, or a
 * record that cannot be read, leaves an age that is right as far as the history goes back.
 */
export function ageOf(moments: readonly PartitionMoment[]): number {
  const latest = moments.at(-1)
  if (latest === undefined || latest.waiting === 0) return 0
  const { at, wallMs, committed } = latest
  const before = moments.findLast(({ end }) => end <= committed)
  const since = moments.find(({ end }) => end > committed) ?? latest
  const oldestAt = oldestSeen(moments)?.oldestAt
  const byTimeOfDay = oldestAt === undefined ? 0 : (wallMs - oldestAt) / 1000
  return Math.min(at - (before?.at ?? Number.NEGATIVE_INFINITY), Math.max(at - since.at, byTimeOfDay))
}

/** The moment at which the record was read that is the oldest now: an earlier one, where it could not be read again. */
export function oldestSeen(moments: readonly PartitionMoment[]): PartitionMoment | undefined {
  const latest = moments.at(-1)
  if (latest === undefined || latest.waiting === 0) return undefined
  return moments.findLast(
    ({ committed, oldestAt }) => committed === latest.committed && oldestAt !== undefined,
  )
}
