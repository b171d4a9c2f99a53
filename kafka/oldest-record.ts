import type { Kafka, KafkaMessage } from 'kafkajs'
import { readMessage } from '../pipeline/message.ts'
import { createCluster, type Cluster } from './cluster.ts'

/** Where the records begin that are not done, and where the log ends. */
export interface Head {
  readonly partition: number
  readonly committed: bigint
  readonly end: bigint
}

export interface OldestRecord {
  /** When the broker got it, milliseconds since the epoch. */
  readonly at: number
  /** 32 hex digits; derived where the record has none of use, as a stage would derive it. */
  readonly messageId: string
}

/** Reads single records without joining a consumer group: it commits nothing. */
export interface RecordReader {
  /**
   * The first record that is not done, or the first behind it; undefined when there is none any more. The answer for an
   * offset never changes, so it is remembered until another is asked for, or the log is shorter than before: then it is
   * another log.
   */
  fetchOldestRecord(topic: string, head: Head): Promise<OldestRecord | undefined>
  close(): Promise<void>
}

interface Remembered {
  readonly offset: bigint
  readonly end: bigint
  readonly record: OldestRecord
}

export function createRecordReader(kafka: Kafka): RecordReader {
  const cluster = createCluster(kafka)
  const known = new Map<string, Remembered>()
  const fetch = async (topic: string, partition: number, offset: bigint) => {
    await cluster.connect()
    await cluster.addTargetTopic(topic)
    await cluster.refreshMetadataIfNecessary()
    try {
      const first = await fetchFirst({ cluster, topic, partition, offset })
      return first && { at: Number(first.timestamp), messageId: readMessage(topic, partition, first).id }
    } catch (error) {
      // The partition may have moved to another broker: the next attempt should know.
      await cluster.refreshMetadata()
      throw error
    }
  }
  return {
    async fetchOldestRecord(topic, { partition, committed, end }) {
      const key = `${topic}/${partition}`
      const remembered = known.get(key)
      const isSame = remembered?.offset === committed && remembered.end <= end
      const record = isSame ? remembered.record : await fetch(topic, partition, committed)
      if (record === undefined) known.delete(key)
      else known.set(key, { offset: committed, end, record })
      return record
    },
    close: () => cluster.disconnect(),
  }
}

interface Place {
  readonly cluster: Cluster
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

async function fetchFirst({ cluster, topic, partition, offset }: Place): Promise<KafkaMessage | undefined> {
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (nodeId === undefined) throw new Error(`Partition ${partition} of ${topic} has no leader`)
  const broker = await cluster.findBroker({ nodeId })
  // Whatever the limit of bytes, a broker answers with the whole batch in which the offset is, and no more.
  const partitions = [{ partition, fetchOffset: String(offset), maxBytes: 1 }]
  const { responses } = await broker.fetch({
    // Of a transaction that is still open, too: they wait like any other.
    isolationLevel: 0,
    maxWaitTime: 0,
    minBytes: 0,
    maxBytes: 1,
    topics: [{ topic, partitions }],
  })
  const messages = responses.flatMap((response) => response.partitions.flatMap((answer) => answer.messages))
  return messages.find((message) => BigInt(message.offset) >= offset)
}
