import { int4s } from './binary-array.ts'
import type { Queryable } from './database.ts'
import type { Message } from '../pipeline/message.ts'

/**
 * The end of a statement that inserts into `counters as c`: adds what it counted to what is there. Each statement takes the
 * counters in the order of the partitions, so that two of them wait for each other and never in a circle.
 */
export function addToCounters(...columns: readonly string[]): string {
  const sums = columns.map((column) => `${column} = c.${column} + excluded.${column}`)
  return `on conflict (stage, partition, target) do update set ${sums.join(', ')}`
}

const count = `
insert into counters as c (stage, partition, target, duplicates)
select $1, partition, $2, count(*) from unnest($3::int[]) as t (partition) group by partition order by partition
${addToCounters('duplicates')}`

/** Counts records that were dropped because another offset holds the message. */
export async function countDuplicates(
  database: Queryable,
  { stage, target }: { readonly stage: string; readonly target: string },
  duplicates: readonly Message[],
): Promise<void> {
  const partitions = int4s(duplicates.map(({ partition }) => partition))
  if (duplicates.length > 0) await database.query(count, [stage, target, partitions])
}
