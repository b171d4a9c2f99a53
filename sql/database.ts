import { Client, DatabaseError, Pool, type ClientConfig } from 'pg'
import { certificateFault, tlsOptions, withoutAdvice } from '../telemetry/certificate.ts'
import type { Log } from '../telemetry/log.ts'
import { timeouts } from '../telemetry/timeouts.ts'

export type Database = Pool
export type Queryable = Pick<Pool, 'query'>

/** The rows that a query returns. */
export async function select<Row extends object>(database: Queryable, text: string, values?: unknown[]): Promise<Row[]> {
  return (await database.query<Row>(text, values)).rows
}

/** SQL for a time in milliseconds since the epoch, multiplied before the cast, while every digit is exact. */
export const milliseconds = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

/** The settings that lead to Postgres; DB_SSLMODE and DB_SSLROOTCERT have libpq's meaning. */
export interface DatabaseConfig {
  readonly DB_HOST: string
  readonly DB_PORT: number
  readonly DB_NAME: string
  readonly DB_USER: string
  readonly DB_PASSWORD: string
  readonly DB_SSLMODE: 'disable' | 'require' | 'verify-full'
  /** A PEM file; undefined for the authorities that Node knows. */
  readonly DB_SSLROOTCERT?: string | undefined
}

const parameters = ['sslmode', 'sslrootcert']

/**
 * Reads a URL such as postgresql://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full&sslrootcert=FILE. All but the host may be
 * missing; the port is 5432 then.
 * @returns the variables of {@link DatabaseConfig}, as text; a string says what is wrong with the URL
 */
export function readDatabaseUrl(text: string): Readonly<Record<string, string>> | string {
  const url = URL.parse(text)
  // A URL may have a percent sign that is no escape.
  const isEscaped = !/%(?![\da-f]{2})/i.test(text)
  // An unescaped /, ? or # in a password ends the host before it: an @ is left behind, or a fragment.
  const isCut = url !== null && (url.hash !== '' || `${url.pathname}${url.search}`.includes('@'))
  if (url === null || isCut || !isEscaped || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '') {
    return 'expected postgresql://USER:PASSWORD@HOST:5432/NAME, with special characters as %XX'
  }
  const unknown = url.searchParams.keys().find((name) => !parameters.includes(name))
  if (unknown !== undefined) return `expected no parameters but ${parameters.join(' and ')}, not ${unknown}`
  const given = {
    DB_HOST: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    DB_PORT: url.port || '5432',
    DB_NAME: decodeURIComponent(url.pathname.slice(1)),
    DB_USER: decodeURIComponent(url.username),
    DB_PASSWORD: decodeURIComponent(url.password),
    ...Object.fromEntries([...url.searchParams].map(([name, value]) => [`DB_${name.toUpperCase()}`, value])),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}

/** The options of a client of `pg`. */
export function databaseSettings(config: DatabaseConfig): ClientConfig {
  const { DB_SSLMODE, DB_SSLROOTCERT } = config
  return {
    host: config.DB_HOST,
    port: config.DB_PORT,
    database: config.DB_NAME,
    user: config.DB_USER,
    password: config.DB_PASSWORD,
    ...(DB_SSLMODE === 'disable' ? {} : { ssl: tlsOptions(DB_SSLMODE === 'verify-full', { ca: DB_SSLROOTCERT }) }),
    connectionTimeoutMillis: timeouts.connect,
    query_timeout: timeouts.statement,
    keepAlive: true,
  }
}

/**
 * Why Postgres refuses this client, or this client Postgres, and the setting that must change: the rest of a sentence that
 * begins with Postgres. Undefined for any other error, such as a server that is away.
 */
export function databaseRefusal(error: Error & { readonly code?: unknown }): string | undefined {
  const { code } = error
  const message = withoutAdvice(error.message)
  if (code === '28000' && /no encryption|SSL off/.test(message)) return 'accepts encrypted connections only: set DB_SSLMODE'
  if (code === '28P01' || code === '28000') {
    return `refuses the login (${message}): set DB_USER and DB_PASSWORD, or DATABASE_URL`
  }
  if (message.includes('does not support SSL'))
    return 'does not support TLS: set DB_SSLMODE=disable, or turn TLS on in Postgres'
  const fault = certificateFault(String(code))
  if (fault === 'authority') return `has a certificate of an unknown authority (${message}): set DB_SSLROOTCERT`
  if (fault === 'name')
    return `has a certificate for other host names (${message}): use one of them in DB_HOST or DATABASE_URL`
  if (fault === 'dates') return `has a certificate that is not valid now (${message}): renew it`
  return undefined
}

/** A connection outside any pool, not open yet: for what lasts as long as its connection, such as an advisory lock. */
export function createClient(config: DatabaseConfig): Client {
  return new Client(databaseSettings(config))
}

/** A pool of `size` connections. A connection that breaks while idle is replaced by the next query that needs one. */
export function openDatabase(config: DatabaseConfig, size: number, log?: Log): Database {
  const pool = new Pool({ ...databaseSettings(config), max: size })
  pool.on('error', (error) => log?.debug({ err: error }, 'A connection to Postgres broke'))
  // An error event without a listener ends the process, and a connection may break before the pool listens to it again. The
  // next query on it fails anyway.
  pool.on('connect', (client) => void client.on('error', () => {}))
  return pool
}

/** Runs `work` on one connection, which is closed when `work` throws, since its state is unknown then. */
export async function withConnection<T>(database: Database, work: (client: Queryable) => Promise<T>): Promise<T> {
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
export async function transaction<T>(database: Database, work: (client: Queryable) => Promise<T>): Promise<T> {
  return await withConnection(database, async (client) => {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  })
}

/** Whether Postgres refuses the content of a row (SQLSTATE class 22, data exception, or 54, limit exceeded): trying again does not help. */
export function isContentError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(22|54)/.test(error.code ?? '')
}

/** Postgres's version, such as "18.4", and its time of day in milliseconds since the epoch. */
export async function readServerState(database: Queryable): Promise<{ readonly version: string; readonly now: number }> {
  const query = `select split_part(current_setting('server_version'), ' ', 1) as version, ${milliseconds('clock_timestamp()')} as now`
  const [row] = await select<{ version: string; now: number }>(database, query)
  if (row === undefined) throw new Error('Postgres gave no version')
  return row
}
