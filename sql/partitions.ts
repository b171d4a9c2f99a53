import type { Queryable } from './database.ts'

/** Something that was done to the tables. */
export interface Kept {
  /**
   * `locked`: a lock was not to be had in time. `full`: the default partition holds too many rows of the day to move them.
   * Both are left to the next call.
   */
  readonly action: 'made' | 'dropped' | 'deleted' | 'locked' | 'full'
  /** Of a partition its parent. */
  readonly table: string
  readonly partition: string
  /** That moved into a partition that was made, or that went; of a partition that was dropped, Postgres's estimate. */
  readonly rows: number
}

const keep = `
select action, table_name as "table", partition_name as "partition", row_count::float8 as "rows"
from keep_partitions($1::integer)`

/** Makes the partitions of the days ahead and removes what is older than so many days, as long as there is more and time for it. */
export async function keepPartitions(
  database: Queryable,
  days: number,
  isTime: () => boolean,
): Promise<Kept[]> {
  const all: Kept[] = []
  while (isTime()) {
    const { rows } = await database.query<Kept>(keep, [days])
    all.push(...rows)
    if (rows.every(({ action }) => action === 'locked' || action === 'full')) break
  }
  return all
}

/** For how many whole days after today all tables have their partitions. */
export async function readDaysAhead(database: Queryable): Promise<number | undefined> {
  const { rows } = await database.query<{ days: number }>('select partitions_ahead_days() as days')
  return rows[0]?.days
}
