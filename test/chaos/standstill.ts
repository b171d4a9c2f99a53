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

/** Milliseconds in which the last stage had no row. */
export interface Standstill {
  /** From any partition. */
  readonly all: number
  /** From one of them, the worst. */
  readonly partition: number
}

/**
 * The longest times in which nothing finished.
 * @param partitions of a topic at the start of the run: those that a fault adds get hardly any messages
 * @param begin milliseconds since the epoch, as is `end`; what stood still before counts from here
 */
export async function longestStandstill(
  database: Database,
  partitions: number,
  begin: number,
  end: number,
): Promise<Standstill> {
  const { rows } = await database.query<Standstill>(
    `with bounds as (select to_timestamp($2 / 1000.0) as since, to_timestamp($3 / 1000.0) as until),
     usual as (select distinct partition from results, bounds where stage = $1 and computed_at < since and partition < $4),
     times as (
       select partition, computed_at as at from results join usual using (partition), bounds
       where stage = $1 and computed_at between since and until
       union all
       select partition, unnest(array[since, until]) from usual, bounds
     ), gaps as (
       select at - lag(at) over (order by at) as of_all, at - lag(at) over (partition by partition order by at) as of_one
       from times
     )
     select coalesce(max(extract(epoch from of_all)) * 1000, 0)::float as all,
       coalesce(max(extract(epoch from of_one)) * 1000, 0)::float as partition
     from gaps`,
    [last, begin, end, partitions],
  )
  return rows[0] as Standstill
}
