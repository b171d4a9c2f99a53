import type { Kafka, KafkaMessage } from './client.ts'
import { createCluster, type Cluster } from './cluster.ts'

/** The first offset of a partition that is not done, and the end of its log. */
export interface Head {
  readonly partition: number
  readonly committed: bigint
  readonly end: bigint
}

export interface OldestRecord {
  /** Append time, milliseconds since the epoch. */
  readonly at: number
  /** 32 hex digits. */
  readonly messageId: string
}

/** Reads single records without joining a consumer group, so it commits nothing. */
export interface RecordReader {
  /**
   * The first record at or after the committed offset; undefined when there is none any more. The record at an offset never
   * changes, so it is cached until another offset is asked for, or the log is shorter than before: the topic was created again.
   */
  fetchOldestRecord(topic: string, head: Head): Promise<OldestRecord | undefined>
  close(): Promise<void>
}

interface CachedRecord {
  readonly offset: bigint
  readonly end: bigint
  readonly record: OldestRecord
}

/** @param read the message of a record, with the id that a stage would give it */
export function createRecordReader(
  kafka: Kafka,
  read: (topic: string, partition: number, record: KafkaMessage) => { readonly id: string },
): RecordReader {
  const cluster = createCluster(kafka)
  const cache = new Map<string, CachedRecord>()
  const fetch = async (topic: string, partition: number, offset: bigint) => {
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
    async fetchOldestRecord(topic, { partition, committed, end }) {
      const key = `${topic}/${partition}`
      const cached = cache.get(key)
      const isSame = cached?.offset === committed && cached.end <= end
      const record = isSame ? cached.record : await fetch(topic, partition, committed)
      if (record === undefined) cache.delete(key)
      else cache.set(key, { offset: committed, end, record })
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
