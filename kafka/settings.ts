import type { ConsumerConfig, KafkaConfig, ProducerConfig } from 'kafkajs'
import { isEventHubs, securityOf, type KafkaSecurity } from './security.ts'

/** The variables that the settings depend on. */
interface KafkaConfigVariables extends KafkaSecurity {
  readonly TOPICS_AUTO_CREATE: 'true' | 'false'
  readonly KAFKA_RACK_ID?: string | undefined
}

/**
 * How many hours a segment of a topic covers: a seventh of its retention, from an hour to a day. A broker deletes whole
 * segments, so a record can outlive its retention by that.
 */
export function segmentHours(retentionHours: number): number {
  return Math.min(Math.max(retentionHours / 7, 1), 24)
}

/** Plain values, so that a test can read what an environment results in. */
export interface KafkaSettings {
  readonly client: KafkaConfig
  readonly consumer: Omit<ConsumerConfig, 'groupId'>
  readonly producer: ProducerConfig
  /** The bytes of one produce request, all its records together. */
  readonly maxRequestBytes: number
  /** The bytes of one record with its headers; a larger one is refused before it is sent. */
  readonly maxRecordBytes: number
  /** A broker closes the connection on a larger request instead of answering, so it must not be sent. */
  readonly maxRequestBytesBeforeDisconnect: number
  readonly createTopics: boolean
}

const FOR_EVER = Number.MAX_SAFE_INTEGER

/** Milliseconds. A request without an answer for that long closes its connection: a frozen broker is found by it. */
const REQUEST_TIMEOUT = 10_000

/** Milliseconds after which a client that is in use asks for new leaders and new partitions. */
export const METADATA_MAX_AGE = 30_000

export function kafkaSettings(config: KafkaConfigVariables, clientId: string): KafkaSettings {
  const azure = isEventHubs(config.BOOTSTRAP_SERVERS)
  return {
    client: {
      clientId,
      brokers: [...config.BOOTSTRAP_SERVERS],
      connectionTimeout: azure ? 10_000 : 3000,
      authenticationTimeout: 10_000,
      requestTimeout: azure ? 75_000 : REQUEST_TIMEOUT,
      retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 5 },
      ...securityOf(config),
    },
    consumer: {
      sessionTimeout: azure ? 30_000 : 10_000,
      rebalanceTimeout: azure ? 60_000 : 20_000,
      heartbeatInterval: azure ? 3000 : 1000,
      metadataMaxAge: METADATA_MAX_AGE,
      // A fetch answers as soon as there is a byte; without any it waits for this long.
      maxWaitTimeInMs: 1000,
      minBytes: 1,
      maxBytesPerPartition: 262_144,
      allowAutoTopicCreation: false,
      ...(config.KAFKA_RACK_ID === undefined ? {} : { rackId: config.KAFKA_RACK_ID }),
      retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: FOR_EVER },
    },
    // Ids and rows make a duplicate harmless, so the idempotent producer is not needed; in kafkajs it can lose records.
    producer: { idempotent: false, allowAutoTopicCreation: false, metadataMaxAge: METADATA_MAX_AGE },
    maxRequestBytes: 900_000,
    maxRecordBytes: 900_000,
    maxRequestBytesBeforeDisconnect: azure ? 1_000_000 : Number.POSITIVE_INFINITY,
    createTopics: config.TOPICS_AUTO_CREATE === 'true',
  }
}
