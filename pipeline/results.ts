import type { Result } from './compute.ts'
import { isTaken, joinTexts, type Database, type Queryable } from './database.ts'
import { headersToText } from './headers.ts'
import { noneInserted, outcomeColumns, type Inserted, type Place } from './outcome-columns.ts'

/**
 * One statement, so one round trip and one transaction: the rows, the inputs of what was posted by hand here, and the
 * counters of exactly the rows that are new.
 */
const insert = (onConflict: string) => `
with given as (
  select * from unnest(
    $3::uuid[], $4::smallint[], $5::int[], $6::bigint[], $7::uuid[], $8::float8[], $9::float8[], $10::float8[],
    $11::float8[], $12::float8[], string_to_array($13, E'\\x1f'), string_to_array($14, E'\\x1f'), string_to_array($15, E'\\x1f'),
    string_to_array($16, E'\\x1f')
  ) as t (message_id, attempt, partition, "offset", foreign_trace_id, entered, previous_sent, queued, started,
    computed, numbers, result, body, headers)
), saved as (
  insert into results (message_id, attempt, stage, numbers, result, body, headers, topic, partition, "offset",
    foreign_trace_id, entered_at, previous_sent_at, queued_at, started_at, computed_at)
  select message_id, attempt, $1, nullif(numbers, ''), result, body, nullif(headers, ''), $2, partition, "offset",
    foreign_trace_id, to_timestamp(entered / 1000), to_timestamp(previous_sent / 1000), to_timestamp(queued / 1000),
    to_timestamp(started / 1000), to_timestamp(computed / 1000)
  from given
  where not exists (
    select from dead_letters d where d.message_id = given.message_id and d.attempt = given.attempt and d.stage = $1
  )
  ${onConflict}
  returning message_id, attempt, partition, numbers, queued_at, previous_sent_at
), entered as (
  insert into inputs (message_id, numbers, dt, stage, partition, published_at)
  select message_id, numbers, queued_at, $1, partition, queued_at from saved where previous_sent_at is null
  on conflict do nothing
), counted as (
  insert into counters as c (stage, partition, entered, processed, busy_seconds)
  select $1, partition, sum(entered), sum(processed), sum(busy_seconds) from (
    select partition, (previous_sent_at is null)::int as entered, 1 as processed, 0 as busy_seconds from saved
    union all select $20::int, 0, 0, $18::float8
  ) counts group by partition order by partition
  on conflict (stage, partition) do update
  set entered = c.entered + excluded.entered, processed = c.processed + excluded.processed,
    busy_seconds = c.busy_seconds + excluded.busy_seconds
), passed as (
  insert into passed_on as p (stage, partition, topic, messages)
  select $1, partition, $19, count(*) from saved group by partition order by partition
  on conflict (stage, partition, topic) do update set messages = p.messages + excluded.messages
)
select count(*)::int as count,
  case when count(*) < $17 then coalesce(array_agg(encode(uuid_send(message_id), 'hex') || '/' || attempt), '{}') end as keys
from saved`

/** @param name of the prepared statement */
function inserting(name: string, onConflict: string) {
  const statement = { name, text: insert(onConflict) }
  return async (
    database: Queryable,
    place: Place,
    results: readonly Result[],
    busySeconds = 0,
  ): Promise<Inserted> => {
    if (results.length === 0) return noneInserted
    const values = valuesOf(place, results, busySeconds)
    const { rows } = await database.query<Inserted>({ ...statement, values })
    return rows[0] ?? noneInserted
  }
}

/**
 * Saves the results of a batch, and for how long the process was busy since it saved last: the first partition has that
 * among its counters. A message that has its row already is left alone and not counted.
 */
export const insertResults = inserting('insert-results', 'on conflict do nothing')

/** The same, but fails and saves nothing when a message has its row already. */
const insertOnlyNew = inserting('insert-new-results', '')

/** Those whose latest batch had rows already: the next one probably has some, too. */
const doubtful = new WeakSet<Database>()

/**
 * {@link insertResults} for results that are most likely new, in a transaction of its own. Postgres looks for each row's
 * key before it takes a row that may be there, and writes that it is really there behind it: a quarter of the work. After
 * a crash or a rewind the first batch fails, which Postgres logs as an error; it and those behind it are saved in the
 * careful way.
 */
export async function insertNewResults(
  database: Database,
  place: Place,
  results: readonly Result[],
  busySeconds: number,
): Promise<Inserted> {
  if (!doubtful.has(database)) {
    try {
      return await insertOnlyNew(database, place, results, busySeconds)
    } catch (error) {
      if (!isTaken(error)) throw error
      doubtful.add(database)
    }
  }
  const inserted = await insertResults(database, place, results, busySeconds)
  if (inserted.count === results.length) doubtful.delete(database)
  return inserted
}

function valuesOf(place: Place, results: readonly Result[], busySeconds: number) {
  return [
    place.stage,
    place.topic,
    ...outcomeColumns(results),
    joinTexts(results.map((row) => row.subject ?? '')),
    joinTexts(results.map((row) => row.result)),
    joinTexts(results.map((row) => row.body)),
    joinTexts(results.map((row) => headersToText(row.message.carried))),
    results.length,
    busySeconds,
    place.target,
    results[0]?.message.partition,
  ]
}
