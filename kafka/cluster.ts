import type { Admin, Kafka, KafkaMessage } from './client.ts'
import { METADATA_MAX_AGE } from './settings.ts'

/** The internal class on which kafkajs 2.2.4 builds consumers and admins. Its public API reads no record without a group. */
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

export function createCluster(kafka: Kafka): Cluster {
  return clusterFactory(kafka).create({ metadataMaxAge: METADATA_MAX_AGE, allowAutoTopicCreation: false }) as Cluster
}

/** An admin that finds new partitions within half a minute; kafkajs's own takes five minutes, without a setting for it. */
export function createAdmin(kafka: Kafka): Admin {
  const { key, create } = clusterFactory(kafka)
  const value = (options: object) => create({ ...options, metadataMaxAge: METADATA_MAX_AGE })
  return (Object.create(kafka, { [key]: { value } }) as Kafka).admin()
}

function clusterFactory(kafka: Kafka) {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith(':createCluster'))
  const create: unknown = key && Reflect.get(kafka, key)
  if (key === undefined || typeof create !== 'function') throw new TypeError('This is not kafkajs 2.2.4')
  return { key, create: (options: object): unknown => Reflect.apply(create, kafka, [options]) }
}
