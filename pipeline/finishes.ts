import { plainArray, type Queryable } from './database.ts'
import type { Published } from './publish.ts'

const insert = `
with saved as (
  insert into finishes (message_id, attempt, entered_at, sent_at, finished_at, partition, "offset")
  select message_id, attempt, to_timestamp(entered / 1000), to_timestamp(sent / 1000), to_timestamp(finished / 1000),
    partition, "offset"
  from unnest($2::uuid[], $3::smallint[], $4::float8[], $5::float8[], $6::float8[], $7::int[], $8::bigint[])
    as t (message_id, attempt, entered, sent, finished, partition, "offset")
  on conflict do nothing
  returning partition
)
insert into counters as c (stage, partition, finished)
select $1, partition, count(*) from saved group by partition order by partition
on conflict (stage, partition) do update set finished = c.finished + excluded.finished`

/**
 * Records that messages went through all stages, counted by the partition of the last topic. One that is sent again after a
 * crash keeps its first finish.
 */
export async function insertFinishes(
  database: Queryable,
  stage: string,
  finishes: readonly Published[],
): Promise<void> {
  if (finishes.length === 0) return
  await database.query({
    name: 'insert-finishes',
    text: insert,
    values: [
      stage,
      plainArray(finishes.map(({ message }) => message.id)),
      plainArray(finishes.map(({ message }) => message.attempt)),
      plainArray(finishes.map(({ message }) => message.enteredAt)),
      plainArray(finishes.map(({ sentAt }) => sentAt)),
      plainArray(finishes.map(({ arrivedAt }) => arrivedAt)),
      plainArray(finishes.map(({ receipt }) => receipt.partition)),
      plainArray(finishes.map(({ receipt }) => String(receipt.offset))),
    ],
  })
}
