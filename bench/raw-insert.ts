import { int8s, texts, timestamps, uuids } from '../sql/binary-array.ts'
import type { Database } from '../sql/database.ts'
import { newMessageId } from '../pipeline/message.ts'

/** A row of `results`, as far as the bench cares. */
export interface RawRow {
  /** 32 hex digits. */
  readonly id: string
  readonly offset: string
  readonly body: string
}

/** The columns of a result from the same kinds of parameters, without conflicts and counters. */
const insert = `
insert into results (message_id, attempt, stage, result, body, partition, "offset", entered_at,
  previous_sent_at, queued_at, started_at, computed_at)
select message_id, 1, $1, '1', body, $2, "offset", entered, sent, queued, started, computed
from unnest($3::uuid[], $4::int8[], $5::text[],
  $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[])
  as t (message_id, "offset", body, entered, sent, queued, started, computed)`

export function rawInsert(stage: string, partition: number, rows: readonly RawRow[]) {
  const times = timestamps(rows.map(() => Date.now()))
  return {
    name: 'raw-insert',
    text: insert,
    values: [
      stage,
      partition,
      uuids(rows.map(({ id }) => id)),
      int8s(rows.map(({ offset }) => offset)),
      texts(rows.map(({ body }) => body)),
      ...Array.from({ length: 5 }, () => times),
    ],
  }
}

const BATCH = 1000
/** Inserted before the clock starts. */
const WARM_UP = 20_000

/** The body of a message of twelve integers behind the third stage, in the middle of its way. */
export const rawBody =
  '{"numbers":[52331,8120,99716,4410,73055,61208,1377,88541,30662,9475,45918,67023],"sum":541836,' +
  '"product":71254310986332741120894470016352000,"lcm":1187571849772212352014907833605872}'

/** Inserts rows in batches of 1,000, over so many connections. Returns rows a second. The parameters are made before. */
export async function rawInserts(database: Database, rows: number, connections: number): Promise<number> {
  const insertAll = (batches: Batch[]) =>
    Promise.all(
      Array.from({ length: connections }, async () => {
        for (let batch = batches.pop(); batch !== undefined; batch = batches.pop())
          await database.query(batch)
      }),
    )
  const all = batchesOf(rows, connections)
  await insertAll(batchesOf(WARM_UP, connections))
  const begun = performance.now()
  await insertAll(all)
  return rows / ((performance.now() - begun) / 1000)
}

type Batch = ReturnType<typeof rawInsert>

function batchesOf(rows: number, connections: number): Batch[] {
  return Array.from({ length: Math.ceil(rows / BATCH) }, (_, index) => {
    const own = Array.from({ length: Math.min(BATCH, rows - index * BATCH) }, (_unused, row) => ({
      id: newMessageId(),
      offset: String(index * BATCH + row),
      body: rawBody,
    }))
    return rawInsert('lcm', index % connections, own)
  })
}
