import pg from 'pg'

export interface Login {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

/** "Starting up", which a recovery after a crash prolongs. */
const CANNOT_CONNECT_NOW = '57P03'

/**
 * True once Postgres takes connections; the database `name` then exists.
 * @throws the server's error when it refuses for good, such as a wrong password
 */
export async function postgresAnswers(login: Login, name: string): Promise<boolean> {
  const client = new pg.Client({ ...login, database: 'postgres', ssl: false, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ECONNREFUSED' || code === CANNOT_CONNECT_NOW) return false
    throw error
  } finally {
    await client.end()
  }
}
