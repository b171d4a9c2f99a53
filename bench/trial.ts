import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { runToEnd } from '../local/run-to-end.ts'
import { childEnvironment, readConfig, type Config } from '../pipeline/config.ts'
import { databaseSettings, openDatabase, type Database } from '../sql/database.ts'
import { kafkaSettings } from '../kafka/settings.ts'
import { createKafka } from '../kafka/client.ts'
import { createLog } from '../telemetry/log.ts'
import { topicNames } from '../pipeline/route.ts'
import type { OwnServers } from '../test/support/own-servers.ts'
import { throughline } from './throughline.ts'

/** A pipeline of one round: an empty database and empty topics on the servers of its part. Disposing removes both. */
export interface Trial extends AsyncDisposable {
  /** The whole environment of its processes. */
  readonly env: NodeJS.ProcessEnv
  readonly config: Config
  readonly database: Database
}

/** @param settings variables of its own, such as TOPIC_PARTITIONS */
export async function startTrial(
  servers: OwnServers,
  settings: Readonly<Record<string, string>> = {},
): Promise<Trial> {
  const name = `b${randomBytes(4).toString('hex')}`
  const own = { ...servers.env, DB_NAME: name, TOPIC_PREFIX: `${name}.`, LOG_LEVEL: 'warn', ...settings }
  const env = childEnvironment(own)
  const config = readConfig(env)
  await asSuperuser(config, `create database "${name}"`)
  await runToEnd(throughline(['migrate'], env))
  const database = openDatabase(config, 2, () => {})
  return {
    env,
    config,
    database,
    async [Symbol.asyncDispose]() {
      await database.end()
      await asSuperuser(config, `drop database "${name}" with (force)`)
      await removeTopics(config)
    },
  }
}

async function asSuperuser(config: Config, statement: string): Promise<void> {
  const client = new Client({ ...databaseSettings(config), database: 'postgres', query_timeout: 60_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function removeTopics(config: Config): Promise<void> {
  const admin = createKafka(kafkaSettings(config, 'bench'), createLog('silent', {})).admin()
  await admin.connect()
  try {
    await admin.deleteTopics({ topics: [...topicNames(config)] })
  } finally {
    await admin.disconnect()
  }
}
