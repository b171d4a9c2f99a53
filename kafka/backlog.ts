import type { Admin } from './client.ts'

/** What waits in front of a consumer group on one partition of a topic. */
export interface PartitionBacklog {
  readonly partition: number
  /** The offset that the next record will get. */
  readonly end: bigint
  /** The first offset that is not done; the start of the log when the group has not committed yet. */
  readonly committed: bigint
  /** Whether the group has committed that. The start of the log moves when old records are removed, which does not make them done. */
  readonly isCommitted: boolean
  readonly waiting: bigint
}

/**
 * Compares the end offsets of a topic with those that a group has committed, which is right without members, too.
 * @param source the topic; a group that reads several has a backlog on each
 */
export async function readBacklog(
  admin: Admin,
  { group: groupId, source }: { readonly group: string; readonly source: string },
): Promise<PartitionBacklog[]> {
  // Committed offsets first: in the other order, an offset committed in between could be beyond the end.
  const [group] = await admin.fetchOffsets({ groupId, topics: [source] })
  const ends = await admin.fetchTopicOffsets(source)
  const offsets = new Map(group?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
  return ends
    .map(({ partition, low, high }) => {
      const end = BigInt(high)
      const start = BigInt(low)
      const offset = offsets.get(partition) ?? -1n
      // Records that retention removed unread do not wait any more. An offset beyond the end is of an earlier topic of this
      // name: a consumer begins at the start of this one.
      const isCommitted = offset >= start && offset <= end
      const committed = isCommitted ? offset : start
      return { partition, end, committed, isCommitted, waiting: end - committed }
    })
    .toSorted((one, other) => one.partition - other.partition)
}
