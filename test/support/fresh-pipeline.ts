import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { inject } from 'vitest'
import { type Config, readConfig } from '../../pipeline/config.ts'
import { databaseSettings, openDatabase, type Database } from '../../sql/database.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { createKafka, type IHeaders, type Kafka } from '../../kafka/client.ts'
import { createLog, type Log } from '../../telemetry/log.ts'
import { migrateDatabase, writeCatalogue } from '../../sql/migrate.ts'
import { routes, topicPlan } from '../../pipeline/route.ts'
import { createTopics } from '../../kafka/topics.ts'

/** The pipeline of one test file: its own database and topics on the servers that all files share. */
export interface FreshPipeline extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  readonly config: Config
  readonly log: Log
  readonly kafka: Kafka
  readonly database: Database
  /** Sends a record as a foreign client does. @param topic without prefix */
  post(topic: string, value: Buffer | string | null, headers?: IHeaders, partition?: number): Promise<void>
}

export async function freshPipeline(settings: Record<string, string> = {}): Promise<FreshPipeline> {
  const run = `t${randomBytes(4).toString('hex')}`
  const postgres = inject('postgres')
  const env = {
    BOOTSTRAP_SERVERS: inject('kafka'),
    DB_HOST: postgres.host,
    DB_PORT: String(postgres.port),
    DB_USER: postgres.user,
    DB_PASSWORD: postgres.password,
    DB_NAME: run,
    TOPIC_PREFIX: `${run}.`,
    LOG_LEVEL: 'silent',
    ...settings,
  }
  const config = readConfig(env)
  const log = createLog(config.LOG_LEVEL, { test: run })
  await createDatabase(config)
  const kafka = createKafka(kafkaSettings(config, run), log)
  const database = openDatabase(config, 4, log)
  await migrateDatabase(database, log)
  await writeCatalogue(database, routes(config))
  const admin = kafka.admin()
  await admin.connect()
  await createTopics(admin, topicPlan(config))
  await admin.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  return {
    env,
    config,
    log,
    kafka,
    database,
    async post(topic, value, headers = {}, partition = 0) {
      const messages = [{ value, headers, partition }]
      await producer.send({ topic: config.TOPIC_PREFIX + topic, messages })
    },
    async [Symbol.asyncDispose]() {
      await producer.disconnect()
      await database.end()
    },
  }
}

async function createDatabase(config: Config): Promise<void> {
  const client = new Client({ ...databaseSettings(config), database: 'postgres' })
  await client.connect()
  await client.query(`create database "${config.DB_NAME}"`)
  await client.end()
}
