import { addToCounters } from './counters.ts'
import { int2s, int4s, int8s, timestamps, uuids } from './binary-array.ts'
import type { Queryable } from './database.ts'
import type { Published } from '../pipeline/publish.ts'
import type { StageRows } from './results.ts'

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
 * Records that messages went through all stages, counted by the partition of the last topic. A message that is sent again
 * after a crash keeps the row of its first record.
 */
export async function insertFinished(
  database: Queryable,
  { stage, target }: StageRows,
  published: readonly Published[],
): Promise<void> {
  if (published.length === 0) return
  await database.query({
    name: 'insert-finished',
    text: insert,
    values: [
      stage,
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
