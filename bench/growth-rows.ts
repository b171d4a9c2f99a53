import type { Database } from '../sql/database.ts'
import { pipeline } from '../stages/index.ts'

/** Messages a second that are made up: one every ten milliseconds. */
export const RATE = 100

/** Messages of one statement. */
export const PAGE = 5000

/** Of a hundred messages one has no answer at the third stage. */
export const ROWS_A_MESSAGE = (99 * pipeline.length + 3) / 100

/**
 * So many messages, the first at a time, with all their rows: those of a flow that keeps up. Twelve numbers each; what
 * stages add is as long as it really is. A page of them may have waited in front of the first stage until the last of
 * them was there: then the stages took one partition after the other, so that their rows do not lie in the order in which
 * they were queued.
 */
const messages = `
with made as materialized (
  select i, at, uuidv7(at - clock_timestamp()) as id, i % 4 as partition, i % 100 = 99 as dies,
    case when $5 then $1::timestamptz + $2::bigint * interval '${1000 / RATE} ms' + (i % 4 * $2 / 4 + i / 4) * interval '1 ms'
      else at + interval '1.8 ms' end as taken,
    '[' || concat_ws(',', ${Array.from({ length: 12 }, (_, n) => `1000 + (i * ${7919 + 104 * n} + ${n}) % 99001`).join(', ')}) || ']' as numbers
  from generate_series(0, $2::bigint - 1) i, lateral (select $1::timestamptz + i * interval '${1000 / RATE} ms' as at) t
), entered as (
  insert into inputs (message_id, numbers, created_at, body, stage, partition)
  select id, numbers, at, '{"numbers":' || numbers || '}', (select name from stages where position = 1), partition
  from made order by i
), steps as materialized (
  select m.*, s.name, s.position, dies and s.position = 3 as is_end, taken + interval '4 ms' * (s.position - 1) as started,
    case s.position when 1 then at + interval '1 ms' else taken + interval '4 ms' * (s.position - 1) - interval '0.8 ms' end
      as queued
  from made m cross join stages s
  where not dies or s.position <= 3
), done as (
  insert into results (message_id, attempt, stage, result, body, reason, explanation, record_value, partition, "offset",
    entered_at, previous_sent_at, queued_at, started_at, computed_at)
  select id, 1, name,
    case when not is_end then added[position] end,
    case when not is_end then '{"numbers":' || numbers || array_to_string(bodies[:position], '') || '}' end,
    case when is_end then 'too-large' end,
    case when is_end then 'The result has more digits than are allowed.' end,
    case when is_end then convert_to(numbers, 'UTF8') end,
    partition, i / 4, at + interval '1 ms', queued - interval '0.4 ms', queued, started, started + interval '0.1 ms'
  from steps, (select $3::text[] as added, $4::text[] as bodies) a
  order by taken, position
)
insert into finished (message_id, attempt, entered_at, sent_at, finished_at, partition, "offset")
select id, 1, at + interval '1 ms', taken + interval '23 ms', taken + interval '24 ms', partition, i / 4
from made where not dies order by taken`

const twelve = (value: string) => `[${Array.from({ length: 12 }, () => value).join(',')}]`
const sqrt = '{"lcm":1.0897577021888637e+15,"sum":736.0951025523,"product":2.66935e+17,"average":212.49235}'

/** What the six stages add, by their positions; a stage more adds a number. */
const additions = ['541836', '7'.repeat(52), '1'.repeat(33), '45153', twelve('-0.9165215479156338'), sqrt]

export interface Making {
  /** When the first is to enter. */
  readonly from: Date
  readonly count: number
  readonly isBacklog: boolean
}

/** Makes up messages from a time on, evenly. Returns the time of the next one. */
export async function makeMessages(database: Database, { from, count, isBacklog }: Making): Promise<Date> {
  const added = pipeline.map((_, index) => additions[index] ?? '1')
  const bodies = pipeline.map(({ adds }, index) => `,"${adds}":${added[index]}`)
  await database.query({
    name: 'make-messages',
    text: messages,
    values: [from, count, added, bodies, isBacklog],
  })
  return new Date(from.getTime() + (count * 1000) / RATE)
}

/** What the monitor writes every five seconds, between two times. */
export async function makeSamples(database: Database, from: Date, to: Date): Promise<void> {
  await database.query(
    `insert into stage_samples (at, stage, waiting, oldest_seconds, arrivals_per_second, served_per_second,
       drain_seconds, utilisation, members, partitions, partitions_assigned, missing, verdict, sentence)
     select at, name, 3, 0.004, ${RATE}, ${RATE}, 0.03, 0.2, 1, 4, 4, 0, 'OK', name || ' keeps up'
     from generate_series($1::timestamptz, $2, interval '5 s') at cross join stages on conflict do nothing`,
    [from, to],
  )
  await database.query(
    `insert into ledger_samples (at, entered, in_flight, finished, dead, duplicates, missing)
     select at, 1000, 3, 997, 0, 0, 0 from generate_series($1::timestamptz, $2, interval '5 s') at
     on conflict do nothing`,
    [from, to],
  )
}

/** Partitions for so many days before today, as they are left by a monitor that has run as long. */
export async function makePastDays(database: Database, days: number): Promise<void> {
  for (const table of ['inputs', 'results', 'finished']) {
    await database.query(`
      alter table ${table} detach partition ${table}_past;
      alter table ${table} attach partition ${table}_past for values from (minvalue)
        to (first_id(date_trunc('day', now(), 'UTC') - interval '${days} days'))`)
    await database.query(
      `select make_day_partition($1, (now() at time zone 'UTC')::date - day) from generate_series(1, $2::integer) day`,
      [table, days],
    )
  }
}

/** The counters of all that was made, and alerts of the past: what is written once. */
export async function makeCounters(database: Database, count: number): Promise<void> {
  await database.query(
    `insert into counters (stage, partition, target, entered, finished, processed, dead, busy_seconds)
     select name, p, lead(topic, 1, 'finish') over (partition by p order by position),
       case when position = 1 then $1::bigint / 4 else 0 end,
       case when position = max(position) over () then $1::bigint / 4 * 99 / 100 else 0 end,
       $1::bigint / 4 * (case when position < 3 then 100 else 99 end) / 100,
       case when position = 3 then $1::bigint / 400 else 0 end, 100
     from stages cross join generate_series(0, 3) p`,
    [count],
  )
  await database.query(
    `insert into alert_notifications (received_at, status, alert, stage, severity, summary, starts_at, ends_at, fingerprint)
     select now() - i * interval '7 min', case when i % 2 = 0 then 'resolved' else 'firing' end, 'Backlog too old', 'lcm',
       'warning', 'lcm has fallen behind', now() - (i - i % 2) * interval '7 min', null, 'f' || i / 2
     from generate_series(0, 399) i`,
  )
}
