import type { Queryable } from '../../pipeline/database.ts'

/** Rows removed, by table. */
export type Removed = ReadonlyMap<string, number>

/** Rows of one statement: short enough that nobody who writes waits for it. */
const PAGE = 1000

/**
 * The rows of messages that came to their end before the cutoff, found by the indexes of the ends. A message of which
 * another attempt is younger keeps its input.
 */
const removeMessages = (ends: 'finishes' | 'dead_letters', at: string) => `
with old as (
  select message_id, attempt from ${ends} where ${at} < now() - make_interval(days => $1) order by ${at} limit ${PAGE}
), of_results as (
  delete from results r using old where r.message_id = old.message_id and r.attempt = old.attempt returning 1
), of_ends as (
  delete from ${ends} e using old where e.message_id = old.message_id and e.attempt = old.attempt returning 1
), of_inputs as (
  delete from inputs i using old where i.message_id = old.message_id and not exists (
    select from (
      select attempt from results r where r.message_id = i.message_id
      union all
      select attempt from dead_letters d where d.message_id = i.message_id
    ) kept
    where not exists (select from old o where o.message_id = i.message_id and o.attempt = kept.attempt)
  ) returning 1
)
select (select count(*)::int from of_ends) as ${ends}, (select count(*)::int from of_results) as results,
  (select count(*)::int from of_inputs) as inputs`

const removeSamples = (table: string, at: string) => `
with gone as (
  delete from ${table} where ctid = any (array(
    select ctid from ${table} where ${at} < now() - make_interval(days => $1) order by ${at} limit ${PAGE}
  )) returning 1
)
select count(*)::int as ${table} from gone`

const statements = [
  removeMessages('finishes', 'finished_at'),
  removeMessages('dead_letters', 'computed_at'),
  removeSamples('stage_samples', 'at'),
  removeSamples('ledger_samples', 'at'),
  removeSamples('alert_notifications', 'received_at'),
]

/**
 * Removes what is older than so many days, a page of each kind after the other, as long as there is more and time for it.
 * Rows of a message that never came to an end stay.
 */
export async function removeOld(database: Queryable, days: number, isTime: () => boolean): Promise<Removed> {
  const removed = new Map<string, number>()
  let kinds: readonly string[] = statements
  while (kinds.length > 0 && isTime()) {
    const full = new Set<string>()
    for (const statement of kinds) {
      const { rows } = await database.query<Record<string, number>>(statement, [days])
      for (const [table, count] of Object.entries(rows[0] ?? {})) {
        if (count > 0) removed.set(table, (removed.get(table) ?? 0) + count)
        if (count >= PAGE) full.add(statement)
      }
    }
    kinds = [...full]
  }
  return removed
}
