import type { Queryable } from '../sql/database.ts'
import type { Account, StageAccount } from './ledger.ts'

/** The same few rows however many messages there were; the outbox has an index of what is unsent. */
const ofStages = `
select stage, arrived::float8, entered::float8, processed::float8, dead::float8, busy_seconds as busy
from stage_totals order by position`

const ofAll = `
select entered::float8, finished::float8, dead::float8, duplicates::float8,
  (select count(*)::float8 from outbox) as unsent
from message_totals`

export async function readAccount(database: Queryable): Promise<Account> {
  const { rows: stages } = await database.query<StageAccount>(ofStages)
  const { rows } = await database.query<Omit<Account, 'stages'>>(ofAll)
  const [all] = rows
  if (all === undefined) throw new Error('Postgres gives no sum of nothing')
  return { stages, ...all }
}
