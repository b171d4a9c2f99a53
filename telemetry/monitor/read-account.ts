import type { Queryable } from '../../pipeline/database.ts'
import type { Account, StageAccount } from './ledger.ts'

/** The same few rows however many messages there were; the outbox has an index of what is unsent. */
const account = `
select stage, entered::float8, processed::float8, dead::float8, copies::float8,
  (select coalesce(sum(busy_seconds), 0) from counters c where c.stage = t.stage) as busy
from stage_totals t order by position`

export async function readAccount(database: Queryable): Promise<Account> {
  const { rows: stages } = await database.query<StageAccount>(account)
  const { rows: unsent } = await database.query<{ count: number }>(
    'select count(*)::float8 as count from inputs where published_at is null',
  )
  return { stages, unsent: unsent[0]?.count ?? 0 }
}
