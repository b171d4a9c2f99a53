import type { IHeaders } from 'kafkajs'
import type { DeadLetter } from './compute.ts'
import { joinTexts, plainArray, type Queryable } from './database.ts'
import { headersToText, ownHeaders } from './headers.ts'
import { noneInserted, outcomeColumns, type Inserted, type Place } from './outcome-columns.ts'

const insert = `
with given as (
  select * from unnest(
    $3::uuid[], $4::smallint[], $5::int[], $6::bigint[], $7::uuid[], $8::float8[], $9::float8[], $10::float8[],
    $11::float8[], $12::float8[], string_to_array($13, E'\\x1f'), string_to_array($14, E'\\x1f'), string_to_array($15, E'\\x1f'),
    $16::text[]
  ) as t (message_id, attempt, partition, "offset", foreign_trace_id, entered, previous_sent, queued, started,
    computed, reason, explanation, headers, body)
), saved as (
  insert into dead_letters (message_id, attempt, stage, reason, explanation, body, headers, topic, partition, "offset",
    foreign_trace_id, entered_at, previous_sent_at, queued_at, started_at, computed_at)
  select message_id, attempt, $1, reason, explanation, decode(body, 'hex'), nullif(headers, ''), $2, partition, "offset",
    foreign_trace_id, to_timestamp(entered / 1000), to_timestamp(previous_sent / 1000), to_timestamp(queued / 1000),
    to_timestamp(started / 1000), to_timestamp(computed / 1000)
  from given
  where not exists (
    select from results r where r.message_id = given.message_id and r.attempt = given.attempt and r.stage = $1
  )
  on conflict do nothing
  returning message_id, attempt, partition, queued_at, previous_sent_at
), entered as (
  insert into inputs (message_id, dt, stage, partition, published_at)
  select message_id, queued_at, $1, partition, queued_at from saved where previous_sent_at is null
  on conflict do nothing
), counted as (
  insert into counters as c (stage, partition, entered, dead, busy_seconds)
  select $1, partition, sum(entered), sum(dead), sum(busy_seconds) from (
    select partition, (previous_sent_at is null)::int as entered, 1 as dead, 0 as busy_seconds from saved
    union all select $19::int, 0, 0, $18::float8
  ) counts group by partition order by partition
  on conflict (stage, partition) do update
  set entered = c.entered + excluded.entered, dead = c.dead + excluded.dead,
    busy_seconds = c.busy_seconds + excluded.busy_seconds
)
select count(*)::int as count,
  case when count(*) < $17 then coalesce(array_agg(encode(uuid_send(message_id), 'hex') || '/' || attempt), '{}') end as keys
from saved`

/** Saves the dead letters of a batch, each with the bytes and headers it came with. */
export async function insertDeadLetters(
  database: Queryable,
  place: Place,
  letters: readonly DeadLetter[],
  busySeconds = 0,
): Promise<Inserted> {
  if (letters.length === 0) return noneInserted
  const { rows } = await database.query<Inserted>({
    name: 'insert-dead-letters',
    text: insert,
    values: [
      place.stage,
      place.topic,
      ...outcomeColumns(letters),
      joinTexts(letters.map((letter) => letter.reason)),
      joinTexts(letters.map((letter) => letter.explanation)),
      joinTexts(letters.map((letter) => headersToText(letter.message.headers))),
      plainArray(
        letters.map((letter) => letter.message.value && (letter.message.value.toString('hex') || '""')),
      ),
      letters.length,
      busySeconds,
      letters[0]?.message.partition,
    ],
  })
  return rows[0] ?? noneInserted
}

/** The headers of the record on the topic `dead-letter`: the original ones, and why and where it died. */
export function deadLetterHeaders(
  letter: DeadLetter,
  stage: string,
  traceparent: string | undefined,
): IHeaders {
  const { message, reason, explanation } = letter
  return {
    ...message.headers,
    [ownHeaders.id]: message.id,
    [ownHeaders.attempt]: String(message.attempt),
    ...(traceparent !== undefined && { [ownHeaders.traceparent]: traceparent }),
    'dead-letter-reason': reason,
    'dead-letter-explanation': explanation,
    'dead-letter-stage': stage,
    'dead-letter-source': `${message.topic}/${message.partition}/${message.offset}`,
  }
}
