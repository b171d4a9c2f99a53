import type { GroupSample, Moment, PartitionSample } from './sample.ts'

/** One group at one moment, as its history holds it. */
export interface StageMoment extends Moment, GroupSample {}

/** One partition at one moment. */
export interface PartitionMoment extends Moment, PartitionSample {
  readonly members: number
}

/** Since the topic was made: one that is created again begins at offset 0, with nothing to compare with. */
export function momentsOf(history: readonly StageMoment[], partition: string): PartitionMoment[] {
  const moments = history.flatMap(({ at, wallMs, members, partitions }) => {
    const found = partitions.find((sample) => sample.partition === partition)
    return found === undefined ? [] : [{ ...found, at, wallMs, members }]
  })
  const anew = moments.findLastIndex(({ end }, index) => end < (moments[index - 1]?.end ?? 0n))
  return moments.slice(Math.max(0, anew))
}
