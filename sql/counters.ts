import { int2s, int4s, int8s, timestamps, uuids } from './binary-array.ts'
import type { Queryable } from './database.ts'
import type { Message, PublishedResult, StageRoute } from './outcome.ts'

/**
 * The end of a statement that inserts into `counters as c`: adds its counts to the stored ones. Each statement locks counters
 * in the order of the partitions, so that two of them cannot deadlock.
 */
export function addToCounters(...columns: readonly string[]): string {
  const sums = columns.map((column) => `${column} = c.${column} + excluded.${column}`)
  return `on conflict (stage, partition, target) do update set ${sums.join(', ')}`
}

const count = `
insert into counters as c (stage, partition, target, duplicates)
select $1, partition, $2, count(*) from unnest($3::int[]) as t (partition) group by partition order by partition
${addToCounters('duplicates')}`

/** Counts records that were dropped because the row of the message came from another offset. */
export async function countDuplicates(
  database: Queryable,
  { stage, target }: StageRoute,
  duplicates: readonly Message[],
): Promise<void> {
  const partitions = int4s(duplicates.map(({ partition }) => partition))
  await database.query(count, [stage.name, target, partitions])
}

const insert = `
with saved as (
  insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
  select message_id, entered_at, sent_at, finished_at, "offset", partition, attempt
  from unnest($3::uuid[], $4::int2[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::int4[], $9::int8[])
    as t (message_id, attempt, entered_at, sent_at, finished_at, partition, "offset")
  on conflict do nothing
  returning partition
)
insert into counters as c (stage, partition, target, finished)
select $1, partition, $2, count(*) from saved group by partition order by partition
${addToCounters('finished')}`

/**
 * Inserts the rows of messages whose record is on the last topic, counted by the partition of the last topic. A message that is sent again
 * after a crash keeps the row of its first record.
 */
export async function insertFinished(
  database: Queryable,
  { stage, target }: StageRoute,
  published: readonly PublishedResult[],
): Promise<void> {
  if (published.length === 0) return
  await database.query({
    name: 'insert-finished',
    text: insert,
    values: [
      stage.name,
      target,
      uuids(published.map(({ message }) => message.id)),
      int2s(published.map(({ message }) => message.attempt)),
      timestamps(published.map(({ message }) => message.enteredAt)),
      timestamps(published.map(({ sentAt }) => sentAt)),
      timestamps(published.map(({ arrivedAt }) => arrivedAt)),
      int4s(published.map(({ metadata }) => metadata.partition)),
      int8s(published.map(({ metadata }) => String(metadata.offset))),
    ],
  })
}
