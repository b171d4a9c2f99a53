import type { Admin } from 'kafkajs'
import type { Route } from '../pipeline/route.ts'

/** What waits in front of a consumer group on one partition of a topic, by the broker's account. */
export interface PartitionBacklog {
  readonly partition: number
  /** The offset that the next record will get. */
  readonly end: bigint
  /** The first offset that is not done; the start of the log when the group has not committed yet. */
  readonly committed: bigint
  /** Whether the group has committed that; otherwise it moves when old records are removed, which are not done by that. */
  readonly isCommitted: boolean
  readonly waiting: bigint
}

/**
 * Right also when no consumer lives: it compares the log with what the group has committed, on the broker.
 * @param source the topic; a group that reads several has a backlog on each
 */
export async function readBacklog(
  admin: Admin,
  { group: groupId, source }: Pick<Route, 'group' | 'source'>,
): Promise<PartitionBacklog[]> {
  // First what is done, then the ends: the other way round, what was done in between would lie behind the end.
  const [group] = await admin.fetchOffsets({ groupId, topics: [source] })
  const ends = await admin.fetchTopicOffsets(source)
  const offsets = new Map(group?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
  return ends
    .map(({ partition, low, high }) => {
      const end = BigInt(high)
      const start = BigInt(low)
      const offset = offsets.get(partition) ?? -1n
      // Retention may have removed records that were never read: they do not wait any more. And an offset behind the end
      // is of a topic that was there before: a consumer of this one begins at its start.
      const isCommitted = offset >= start && offset <= end
      const committed = isCommitted ? offset : start
      return { partition, end, committed, isCommitted, waiting: end - committed }
    })
    .toSorted((one, other) => one.partition - other.partition)
}
