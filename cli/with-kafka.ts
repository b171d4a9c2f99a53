import type { Admin } from 'kafkajs'
import type { Config } from '../pipeline/config.ts'
import { kafkaSettings } from '../pipeline/kafka-settings.ts'
import { createKafka } from '../pipeline/kafka.ts'
import { createLog } from '../pipeline/log.ts'
import { kafkaMistake } from './kafka-mistake.ts'

/** A person waits: a broker that does not answer is given up after a few seconds. */
const impatient = { connectionTimeout: 2000, requestTimeout: 5000 }
const retry = { initialRetryTime: 150, maxRetryTime: 600, retries: 2 }

/**
 * Lends `work` a connection to Kafka's administration.
 * @throws {UserError} when Kafka is out of reach or lacks the topics
 */
export async function withKafka<T>(config: Config, work: (admin: Admin) => Promise<T>): Promise<T> {
  const { client, ...settings } = kafkaSettings(config, 'throughline')
  const kafka = createKafka(
    { ...settings, client: { ...client, ...impatient, retry } },
    createLog('silent', {}),
  )
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await work(admin)
  } catch (error) {
    throw kafkaMistake(error, config) ?? error
  } finally {
    await admin.disconnect()
  }
}
