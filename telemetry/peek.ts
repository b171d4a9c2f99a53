import type { Kafka } from 'kafkajs'

/** Looks at single records, without a group: it takes nothing away and commits nothing. */
export interface Peek {
  /**
   * When the broker got the first record at an offset or behind it, milliseconds since the epoch; undefined when there is
   * none any more. The answer for an offset never changes, so it is remembered until another is asked for.
   */
  queuedAt(topic: string, partition: number, offset: bigint): Promise<number | undefined>
  close(): Promise<void>
}

/** What kafkajs 2.2.4 makes its consumers and admins of. It has no public way to read a record without a group. */
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>
  findBroker(node: { nodeId: string }): Promise<Broker>
}

interface Broker {
  fetch(request: object): Promise<{
    responses: { partitions: { messages: { offset: string; timestamp: string }[] }[] }[]
  }>
}

export function createPeek(kafka: Kafka): Peek {
  const cluster = clusterOf(kafka)
  const known = new Map<string, { readonly offset: bigint; readonly at: number }>()
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
    async queuedAt(topic, partition, offset) {
      const key = `${topic}/${partition}`
      const remembered = known.get(key)
      if (remembered?.offset === offset) return remembered.at
      const at = await read(topic, partition, offset)
      if (at === undefined) known.delete(key)
      else known.set(key, { offset, at })
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
    maxWaitTime: 0,
    minBytes: 0,
    maxBytes: 1,
    topics: [{ topic, partitions }],
  })
  const messages = responses.flatMap((response) => response.partitions.flatMap((answer) => answer.messages))
  const first = messages.find((message) => BigInt(message.offset) >= offset)
  return first && Number(first.timestamp)
}

function clusterOf(kafka: Kafka): Cluster {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
    description?.endsWith(':createCluster'),
  )
  const create: unknown = key && Reflect.get(kafka, key)
  if (typeof create !== 'function') throw new TypeError('This is not kafkajs 2.2.4')
  return create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false }) as Cluster
}
