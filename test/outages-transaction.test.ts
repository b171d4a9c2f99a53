import { expect, test } from 'vitest'
import { transaction } from '../sql/database.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'

test('a connection that breaks in the middle of a transaction fails the transaction, not the process', async () => {
  await using pipeline = await freshPipeline()
  const { database } = pipeline
  const isConnected = async (pid: number) => {
    const { rows } = await database.query('select from pg_stat_activity where pid = $1', [pid])
    return rows.length === 1
  }
  const work = transaction(database, async (client) => {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const { pid } = rows[0] ?? { pid: 0 }
    // Nothing is under way on the connection, so nobody but a listener hears of its end.
    await database.query('select pg_terminate_backend($1)', [pid])
    await expect.poll(() => isConnected(pid), { timeout: 10_000 }).toBe(false)
    await client.query('select 1')
  })
  await expect(work).rejects.toThrow(/terminat|not queryable/i)
  expect(await database.query('select 1')).toMatchObject({ rowCount: 1 })
})

test('the end of a connection that comes with the answer before it ends no process', async () => {
  await using pipeline = await freshPipeline()
  const client = await pipeline.database.connect()
  // As pg does for a message FATAL, at a moment at which nothing else listens.
  expect(client.emit('error', new Error('terminating connection due to administrator command'))).toBe(true)
  client.release(true)
})
