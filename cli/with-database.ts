import type { Config } from '../pipeline/config.ts'
import { openDatabase, type Database } from '../sql/database.ts'
import { databaseMistake } from './database-mistake.ts'

/**
 * Lends `work` a few connections to Postgres.
 * @throws {UserError} when Postgres is out of reach or was never migrated: a person waits, so nothing is tried for long
 */
export async function withDatabase<T>(config: Config, work: (database: Database) => Promise<T>): Promise<T> {
  // A connection that breaks while idle is replaced by the next query, which says what is wrong.
  const database = openDatabase(config, 3, () => {})
  try {
    return await work(database)
  } catch (error) {
    throw databaseMistake(error, config) ?? error
  } finally {
    await database.end()
  }
}
