import { addToCounters } from './counters.ts'
import { plainArray, type Queryable } from './database.ts'
import type { Published } from './publish.ts'
import type { StageRows } from './result-rows.ts'

const insert = `
with saved as (
  insert into finished (message_id, entered_at, sent_at, finished_at, "offset", partition, attempt)
  select message_id, to_timestamp(entered / 1000), to_timestamp(sent / 1000), to_timestamp(finished / 1000), "offset",
    partition, attempt
  from unnest($3::uuid[], $4::smallint[], $5::float8[], $6::float8[], $7::float8[], $8::int[], $9::bigint[])
    as t (message_id, attempt, entered, sent, finished, partition, "offset")
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
      plainArray(published.map(({ message }) => message.id)),
      plainArray(published.map(({ message }) => message.attempt)),
      plainArray(published.map(({ message }) => message.enteredAt)),
      plainArray(published.map(({ sentAt }) => sentAt)),
      plainArray(published.map(({ arrivedAt }) => arrivedAt)),
      plainArray(published.map(({ metadata }) => metadata.partition)),
      plainArray(published.map(({ metadata }) => String(metadata.offset))),
    ],
  })
}
