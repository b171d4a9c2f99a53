import { createCluster, type Admin, type Cluster, type Kafka, type KafkaMessage } from './client.ts'

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

interface OldestRecord {
  /** Append time, milliseconds since the epoch. */
  readonly at: number
  /** 32 hex digits. */
  readonly messageId: string
}

type Head = Pick<PartitionBacklog, 'partition' | 'committed' | 'end'>

/**
 * Reads single records without joining a consumer group, so it commits nothing.
 * @param read the message of a record, with the id that a stage would give it
 */
export function createRecordReader(
  kafka: Kafka,
  read: (topic: string, partition: number, record: KafkaMessage) => { readonly id: string },
) {
  const cluster = createCluster(kafka)
  const cache = new Map<string, Head & { readonly record: OldestRecord }>()
  const fetch = async (topic: string, partition: number, offset: bigint): Promise<OldestRecord | undefined> => {
    await cluster.connect()
    await cluster.addTargetTopic(topic)
    await cluster.refreshMetadataIfNecessary()
    try {
      const first = await fetchFirst(cluster, topic, { partition, offset })
      return first && { at: Number(first.timestamp), messageId: read(topic, partition, first).id }
    } catch (error) {
      // The partition may have another leader by now.
      await cluster.refreshMetadata()
      throw error
    }
  }
  return {
    /**
     * The first record at or after the committed offset; undefined when there is none any more. The record at an offset never
     * changes, so it is cached until another offset is asked for, or the log is shorter than before: the topic was created again.
     */
    async fetchOldestRecord(topic: string, { partition, committed, end }: Head): Promise<OldestRecord | undefined> {
      const key = `${topic}/${partition}`
      const cached = cache.get(key)
      const isSame = cached?.committed === committed && cached.end <= end
      const record = isSame ? cached.record : await fetch(topic, partition, committed)
      if (record === undefined) cache.delete(key)
      else cache.set(key, { partition, committed, end, record })
      return record
    },
    close: () => cluster.disconnect(),
  }
}

async function fetchFirst(
  cluster: Cluster,
  topic: string,
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
): Promise<KafkaMessage | undefined> {
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (nodeId === undefined) throw new Error(`Partition ${partition} of ${topic} has no leader`)
  const broker = await cluster.findBroker({ nodeId })
  // Whatever the limit, a broker answers with the whole batch that has the offset, and no more.
  const partitions = [{ partition, fetchOffset: String(offset), maxBytes: 1 }]
  const { responses } = await broker.fetch({
    // Read uncommitted: the records of an open transaction wait, too.
    isolationLevel: 0,
    maxWaitTime: 0,
    minBytes: 0,
    maxBytes: 1,
    topics: [{ topic, partitions }],
  })
  const messages = responses.flatMap((response) => response.partitions.flatMap((answer) => answer.messages))
  return messages.find((message) => BigInt(message.offset) >= offset)
}
