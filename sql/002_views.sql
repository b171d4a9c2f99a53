-- One row per message, attempt and stage, whatever came of it, with every boundary of its time there.
-- The boundaries never go back: whoever writes a row lifts each to the one before.
--   wait = started - queued, work = computed - started, save = sent - computed, publish = next queued - sent
create view steps as
select
  s.message_id,
  s.attempt,
  stages.position,
  s.stage,
  s.outcome,
  s.result,
  s.explanation,
  s.topic,
  s.partition,
  s."offset",
  s.trace_id,
  s.entered_at,
  s.queued_at,
  s.started_at,
  s.computed_at,
  coalesce(next.previous_sent_at, last.sent_at) as sent_at,
  coalesce(next.queued_at, last.finished_at) as next_queued_at
from (
  select message_id, attempt, stage, 'processed' as outcome, result, null as explanation, topic, partition, "offset",
    trace_id, entered_at, queued_at, started_at, computed_at
  from results
  union all
  select message_id, attempt, stage, reason, null, explanation, topic, partition, "offset",
    trace_id, entered_at, queued_at, started_at, computed_at
  from dead_letters
) s
left join stages on stages.name = s.stage
left join stages following on following.position = stages.position + 1
left join lateral (
  select previous_sent_at, queued_at from results n
  where n.message_id = s.message_id and n.attempt = s.attempt and n.stage = following.name
  union all
  select previous_sent_at, queued_at from dead_letters n
  where n.message_id = s.message_id and n.attempt = s.attempt and n.stage = following.name
) next on true
left join finishes last
  on last.message_id = s.message_id and last.attempt = s.attempt and following.name is null and s.outcome = 'processed';

-- The four times of each step in seconds. Restrict it by message_id, or by a range of queued_at: both are cheap.
create view step_times as
select
  message_id,
  attempt,
  position,
  stage,
  outcome,
  queued_at,
  extract(epoch from started_at - queued_at)::float8 as wait,
  extract(epoch from computed_at - started_at)::float8 as work,
  extract(epoch from sent_at - computed_at)::float8 as save,
  extract(epoch from next_queued_at - sent_at)::float8 as publish
from steps;

-- From the entry topic to the last one, in seconds. Restrict it by a range of finished_at.
create view end_to_end as
select message_id, attempt, entered_at, finished_at, extract(epoch from finished_at - entered_at)::float8 as seconds
from finishes;

-- What each stage has done since the beginning, without looking at a single message.
create view stage_totals as
select
  stages.position,
  stages.name as stage,
  coalesce(sum(c.entered), 0)::bigint as entered,
  coalesce(sum(c.processed), 0)::bigint as processed,
  coalesce(sum(c.dead), 0)::bigint as dead,
  coalesce(sum(c.copies), 0)::bigint as copies
from stages
left join counters c on c.stage = stages.name
group by stages.position, stages.name;
