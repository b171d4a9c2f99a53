import { plainArray, type Queryable } from './database.ts'
import type { Place } from './outcome-columns.ts'
import type { Published } from './publish.ts'

const insert = `
with saved as (
  insert into finishes (message_id, attempt, entered_at, sent_at, finished_at, partition, "offset")
  select message_id, attempt, to_timestamp(entered / 1000), to_timestamp(sent / 1000), to_timestamp(finished / 1000),
    partition, "offset"
  from unnest($3::uuid[], $4::smallint[], $5::float8[], $6::float8[], $7::float8[], $8::int[], $9::bigint[])
    as t (message_id, attempt, entered, sent, finished, partition, "offset")
  on conflict do nothing
  returning 1
)
insert into counters as c (stage, partition, finished)
select $1, $2, count(*) from saved
on conflict (stage, partition) do update set finished = c.finished + excluded.finished`

/** Records that messages went through all stages. One that is sent again after a crash keeps its first finish. */
export async function insertFinishes(
  database: Queryable,
  { stage, partition }: Place,
  finishes: readonly Published[],
): Promise<void> {
  if (finishes.length === 0) return
  await database.query({
    name: 'insert-finishes',
    text: insert,
    values: [
      stage,
      partition,
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
