import type { Database } from '../../sql/database.ts'
import { pipeline } from '../../stages/index.ts'

const last = pipeline.at(-1)?.name

/** Whether the last stage has a row from every partition; false while Postgres is away. */
export async function hasFinishedEverywhere(database: Database, partitions: number): Promise<boolean> {
  try {
    const { rows } = await database.query('select distinct partition from results where stage = $1', [last])
    return rows.length === partitions
  } catch {
    return false
  }
}

/**
 * The longest time, in milliseconds, in which the last stage had no row from one of its partitions.
 * @param begin milliseconds since the epoch, as is `end`; what stood still before counts from here
 */
export async function longestStandstill(database: Database, begin: number, end: number): Promise<number> {
  const { rows } = await database.query<{ longest: number }>(
    `with usual as (
       select distinct partition from results where stage = $1 and computed_at < to_timestamp($2 / 1000.0)
     ), times as (
       select partition, computed_at as at from results join usual using (partition)
       where stage = $1 and computed_at between to_timestamp($2 / 1000.0) and to_timestamp($3 / 1000.0)
       union all
       select partition, to_timestamp(bound / 1000.0) from usual, unnest(array[$2, $3]::float[]) as bound
     )
     select coalesce(max(extract(epoch from gap)) * 1000, 0)::float as longest
     from (select at - lag(at) over (partition by partition order by at) as gap from times) gaps`,
    [last, begin, end],
  )
  return rows[0]?.longest ?? 0
}
