import { select, type Queryable } from './database.ts'

/** One change of the partitions. */
export interface PartitionChange {
  /**
   * `locked`: a lock was not available in time. `full`: the default partition holds too many rows of the day to move them.
   * Both are left to the next call.
   */
  readonly action: 'made' | 'dropped' | 'deleted' | 'locked' | 'full'
  /** The partitioned table; for a table without partitions the table itself. */
  readonly table: string
  readonly partition: string
  /** Rows moved into a new partition, or deleted; for a dropped partition Postgres's estimate. */
  readonly rows: number
}

const maintain = `
select action, table_name as "table", partition_name as "partition", row_count::float8 as "rows"
from maintain_partitions($1::integer)`

/**
 * Makes the partitions of the days ahead and removes rows that are older than `days`, in steps.
 * @param hasTime asked before each step: false leaves the rest to the next call
 */
export async function maintainPartitions(
  database: Queryable,
  days: number,
  hasTime: () => boolean,
): Promise<PartitionChange[]> {
  const changes: PartitionChange[] = []
  while (hasTime()) {
    const rows = await select<PartitionChange>(database, maintain, [days])
    changes.push(...rows)
    if (rows.every(({ action }) => action === 'locked' || action === 'full')) break
  }
  return changes
}

/** For how many whole days after today all tables have their partitions. */
export async function readDaysAhead(database: Queryable): Promise<number | undefined> {
  const [row] = await select<{ days: number }>(database, 'select partitions_ahead_days() as days')
  return row?.days
}
