-- Inserts $2 messages of twelve numbers with all their rows: the first enters at $1, the next every 10 ms. One message in a
-- hundred is a dead letter of the third stage. $3 is what each stage adds, $4 the same as members of the body. With $5 they are
-- a backlog: they waited at the first stage until the last was there, which then processed one partition after the other, so
-- that rows do not lie in the order in which their messages were queued.
with made as materialized (
  select i, at, uuidv7(at - clock_timestamp()) as id, i % 4 as partition, i % 100 = 99 as is_dead,
    case when $5 then $1::timestamptz + $2::bigint * interval '10 ms' + (i % 4 * $2 / 4 + i / 4) * interval '1 ms'
      else at + interval '1.8 ms' end as taken,
    '[' || (
      select string_agg((1000 + (i * (7919 + 104 * n) + n) % 99001)::text, ',' order by n) from generate_series(0, 11) n
    ) || ']' as numbers
  from generate_series(0, $2::bigint - 1) i, lateral (select $1::timestamptz + i * interval '10 ms' as at) t
), entered as (
  insert into inputs (message_id, numbers, created_at, body, stage, partition)
  select id, numbers, at, '{"numbers":' || numbers || '}', (select name from stages where position = 1), partition
  from made order by i
), steps as materialized (
  select m.*, s.name, s.position, is_dead and s.position = 3 as is_end, taken + interval '4 ms' * (s.position - 1) as started,
    case s.position when 1 then at + interval '1 ms' else taken + interval '4 ms' * (s.position - 1) - interval '0.8 ms' end
      as queued
  from made m cross join stages s
  where not is_dead or s.position <= 3
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
from made where not is_dead order by taken
