import type { Admin, Kafka } from 'kafkajs'
import type { Config } from '../pipeline/config.ts'
import { kafkaSettings, type KafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../telemetry/log.ts'
import { kafkaMistake } from './kafka-mistake.ts'

export interface KafkaAccess {
  readonly kafka: Kafka
  readonly settings: KafkaSettings
  /** Connected. */
  readonly admin: Admin
}

/** A person waits: a broker that does not answer is given up after a few seconds. */
const impatient = { connectionTimeout: 2000, requestTimeout: 5000 }
const retry = { initialRetryTime: 150, maxRetryTime: 600, retries: 2 }

/**
 * Lends `work` a way to Kafka.
 * @throws {UserError} when Kafka is out of reach or lacks the topics
 */
export async function withKafka<T>(config: Config, work: (access: KafkaAccess) => Promise<T>): Promise<T> {
  const patient = kafkaSettings(config, 'throughline')
  const settings = { ...patient, client: { ...patient.client, ...impatient, retry } }
  const kafka = createKafka(settings, createLog('silent', {}))
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await work({ kafka, settings, admin })
  } catch (error) {
    throw kafkaMistake(error, config) ?? error
  } finally {
    await admin.disconnect()
  }
}
