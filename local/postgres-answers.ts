import { Client, DatabaseError, escapeIdentifier } from 'pg'

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
  const client = new Client({ ...login, database: 'postgres', ssl: false, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${escapeIdentifier(name)}`)
    return true
  } catch (error) {
    // What the network says means "not yet"; what Postgres says is final, but for one answer.
    if (error instanceof DatabaseError && error.code !== CANNOT_CONNECT_NOW) throw error
    return false
  } finally {
    await client.end()
  }
}
