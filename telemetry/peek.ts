import type { Kafka } from 'kafkajs'
import { createCluster, type Cluster } from './kafka-cluster.ts'

/** Where the records begin that are not done, and where the log ends. */
export interface Head {
  readonly partition: number
  readonly committed: bigint
  readonly end: bigint
}

/** Looks at single records, without a group: it takes nothing away and commits nothing. */
export interface Peek {
  /**
   * When the broker got the first record that is not done, or the first behind it, milliseconds since the epoch; undefined
   * when there is none any more. The answer for an offset never changes, so it is remembered until another is asked for, or
   * the log is shorter than before: then it is another log.
   */
  queuedAt(topic: string, head: Head): Promise<number | undefined>
  close(): Promise<void>
}

export function createPeek(kafka: Kafka): Peek {
  const cluster = createCluster(kafka)
  const known = new Map<string, { readonly offset: bigint; readonly end: bigint; readonly at: number }>()
  const read = async (topic: string, partition: number, offset: bigint) => {
    await cluster.connect()
    await cluster.addTargetTopic(topic)
    await cluster.refreshMetadataIfNecessary()
    try {
      return await firstAt(cluster, topic, partition, offset)
    } catch (error) {
      // The partition may have moved to another broker: the next attempt should know.
      await cluster.refreshMetadata()
      throw error
    }
  }
  return {
    async queuedAt(topic, { partition, committed, end }) {
      const key = `${topic}/${partition}`
      const remembered = known.get(key)
      const isSame = remembered?.offset === committed && remembered.end <= end
      const at = isSame ? remembered.at : await read(topic, partition, committed)
      if (at === undefined) known.delete(key)
      else known.set(key, { offset: committed, end, at })
      return at
    },
    close: () => cluster.disconnect(),
  }
}

async function firstAt(
  cluster: Cluster,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<number | undefined> {
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
  const first = messages.find((message) => BigInt(message.offset) >= offset)
  return first && Number(first.timestamp)
}
