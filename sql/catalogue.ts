import { transaction, type Database } from './database.ts'
import type { Route } from '../pipeline/route.ts'

/**
 * Makes the table `stages` say what the catalogue says, for the reports. A stage that the catalogue has no more keeps its
 * row, with the place that it had. Safe to start any number of times at once. Returns whether there was something to change.
 */
export async function writeCatalogue(database: Database, flow: readonly Route[]): Promise<boolean> {
  const stages = flow.map(({ stage, position, source }) => ({
    name: stage.name,
    position,
    topic: source,
  }))
  return await transaction(database, async (client) => {
    // Readers are not held up; another writer waits here.
    await client.query('lock table stages in share row exclusive mode')
    const { rows } = await client.query(
      'select name, position, topic from stages where is_current order by position',
    )
    if (JSON.stringify(rows) === JSON.stringify(stages)) return false
    // Positions are unique among current stages, row by row: all step aside before any takes its new one.
    await client.query('update stages set is_current = false')
    await client.query(
      `insert into stages (name, position, topic)
       select name, position, topic from json_to_recordset($1) as t (name text, position integer, topic text)
       on conflict (name) do update set position = excluded.position, topic = excluded.topic, is_current = true`,
      [JSON.stringify(stages)],
    )
    return true
  })
}
