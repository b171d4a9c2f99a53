import type { ConsumerConfig, KafkaConfig, ProducerConfig } from 'kafkajs'
import { isEventHubs, type Config } from '../pipeline/config.ts'

/** What Kafka is asked for: plain values, so that a test can read what an environment results in. */
export interface KafkaSettings {
  readonly client: KafkaConfig
  readonly consumer: Omit<ConsumerConfig, 'groupId'>
  readonly producer: ProducerConfig
  /** The bytes of one produce request, all its records together. */
  readonly maxRequestBytes: number
  /** The bytes of one record with its headers; more is refused before it is sent. */
  readonly maxRecordBytes: number
  /** A request over this is answered by a closed connection, not by an error: it must not be sent. */
  readonly maxRequestBytesBeforeDisconnect: number
  readonly createTopics: boolean
}

const FOR_EVER = Number.MAX_SAFE_INTEGER

/** The order requestTimeout > rebalanceTimeout > sessionTimeout matters: kafkajs applies the first to SyncGroup too. */
export function kafkaSettings(config: Config, clientId: string): KafkaSettings {
  const azure = isEventHubs(config.BOOTSTRAP_SERVERS)
  const sasl = {
    mechanism: 'plain' as const,
    username: '$ConnectionString',
    password: config.EVENTHUB_CONNECTIONSTRING ?? '',
  }
  // Azure closes a connection that was idle for 240 s, so the client must speak before that.
  const metadataMaxAge = azure ? 180_000 : 300_000
  return {
    client: {
      clientId,
      brokers: [...config.BOOTSTRAP_SERVERS],
      connectionTimeout: azure ? 10_000 : 3000,
      authenticationTimeout: 10_000,
      requestTimeout: azure ? 75_000 : 30_000,
      retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 5 },
      ...(azure ? { ssl: true, sasl } : {}),
    },
    consumer: {
      sessionTimeout: azure ? 30_000 : 10_000,
      rebalanceTimeout: azure ? 60_000 : 20_000,
      heartbeatInterval: azure ? 3000 : 1000,
      metadataMaxAge,
      // A fetch answers as soon as there is a byte; this is how long an idle one is held.
      maxWaitTimeInMs: 1000,
      minBytes: 1,
      maxBytesPerPartition: 262_144,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 50, maxRetryTime: 5000, retries: FOR_EVER },
    },
    // Ids and rows make a duplicate harmless, so the idempotent producer is not needed; in kafkajs it can lose records.
    producer: { idempotent: false, allowAutoTopicCreation: false, metadataMaxAge },
    maxRequestBytes: 900_000,
    maxRecordBytes: 900_000,
    maxRequestBytesBeforeDisconnect: azure ? 1_000_000 : Number.POSITIVE_INFINITY,
    createTopics: config.TOPICS_AUTO_CREATE === 'true',
  }
}
