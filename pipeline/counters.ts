import type { Outcome } from './compute.ts'
import { plainArray, type Queryable } from './database.ts'
import type { Message } from './message.ts'

/**
 * Takes the counters of a batch for the rest of a transaction that has several statements. Each statement takes them in
 * the order of the partitions, but one after the other could meet somebody who waits for what this one has. Counters that
 * are not there yet cannot be taken, so the first batches could meet all the same: Postgres gives one up, which is tried again.
 */
export async function lockCounters(
  client: Queryable,
  stage: string,
  outcomes: readonly Outcome[],
): Promise<void> {
  const text =
    'select from counters where stage = $1 and partition = any($2::int[]) order by partition for update'
  await client.query(text, [stage, partitionsOf(outcomes.map(({ message }) => message))])
}

/** Counts what was dropped because another offset holds the message. */
export async function countCopies(
  database: Queryable,
  stage: string,
  copies: readonly Message[],
): Promise<void> {
  const text = `insert into counters as c (stage, partition, copies)
    select $1, partition, count(*) from unnest($2::int[]) as t (partition) group by partition order by partition
    on conflict (stage, partition) do update set copies = c.copies + excluded.copies`
  if (copies.length > 0) await database.query(text, [stage, partitionsOf(copies)])
}

const partitionsOf = (messages: readonly Message[]) => plainArray(messages.map(({ partition }) => partition))
