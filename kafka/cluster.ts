import type { Admin, Kafka, KafkaMessage } from 'kafkajs'

/** What kafkajs 2.2.4 makes its consumers and admins of. It has no public way to read a record without a group. */
export interface Cluster {
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
    responses: { partitions: { messages: KafkaMessage[] }[] }[]
  }>
}

/** Milliseconds. Partitions that are new have to be seen before messages on them seem missing. */
const metadataMaxAge = 30_000

export function createCluster(kafka: Kafka): Cluster {
  return wayToClusters(kafka).create({ metadataMaxAge, allowAutoTopicCreation: false }) as Cluster
}

/** An admin that sees new partitions within half a minute; kafkajs's own takes five, and has no setting for it. */
export function createAdmin(kafka: Kafka): Admin {
  const { key, create } = wayToClusters(kafka)
  const attentive = { value: (options: object) => create({ ...options, metadataMaxAge }) }
  return (Object.create(kafka, { [key]: attentive }) as Kafka).admin()
}

function wayToClusters(kafka: Kafka) {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
    description?.endsWith(':createCluster'),
  )
  const create: unknown = key && Reflect.get(kafka, key)
  if (key === undefined || typeof create !== 'function') throw new TypeError('This is not kafkajs 2.2.4')
  return { key, create: (options: object): unknown => Reflect.apply(create, kafka, [options]) }
}
