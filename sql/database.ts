import { DatabaseError, Pool, type ClientConfig } from 'pg'
import type { Config } from '../pipeline/config.ts'
import { timeouts } from '../telemetry/timeouts.ts'

export type Database = Pool
export type Queryable = Pick<Pool, 'query'>

/** How to reach Postgres, as `pg` takes it. TLS by DB_SSLMODE, with libpq's meaning of the words. */
export function databaseSettings(config: Config): ClientConfig {
  return {
    host: config.DB_HOST,
    port: config.DB_PORT,
    database: config.DB_NAME,
    user: config.DB_USER,
    password: config.DB_PASSWORD,
    ...(config.DB_SSLMODE === 'disable'
      ? {}
      : { ssl: { rejectUnauthorized: config.DB_SSLMODE === 'verify-full' } }),
    connectionTimeoutMillis: timeouts.connect,
    query_timeout: timeouts.statement,
    keepAlive: true,
  }
}

/** A pool of `size` connections. A connection that breaks while idle is replaced by the next query that needs one. */
export function openDatabase(config: Config, size: number, onIdleError: (error: Error) => void): Database {
  const pool = new Pool({ ...databaseSettings(config), max: size })
  pool.on('error', onIdleError)
  // A connection that breaks emits an error, and a process ends when there is no listener. The end of a connection may come
  // with the answer before it, sooner than the code that waits for the answer could listen. The next query fails anyway.
  pool.on('connect', (client) => void client.on('error', ignore))
  return pool
}

const ignore = () => {}

/** Runs `work` on one connection, which is closed when `work` throws: it may be in any state then. */
export async function withConnection<T>(
  database: Database,
  work: (client: Queryable) => Promise<T>,
): Promise<T> {
  const client = await database.connect()
  let isBroken = true
  try {
    const result = await work(client)
    isBroken = false
    return result
  } finally {
    client.release(isBroken)
  }
}

/** Runs `work` in one transaction: all of it or nothing. */
export async function transaction<T>(
  database: Database,
  work: (client: Queryable) => Promise<T>,
): Promise<T> {
  return await withConnection(database, async (client) => {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  })
}

/** Postgres refuses what is in the record (SQLSTATE class 22, data exception, or 54, a limit exceeded): trying again gives the same. */
export function isContentError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(22|54)/.test(error.code ?? '')
}
