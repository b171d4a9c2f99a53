-- One row per message, attempt and stage, whatever came of it, with every boundary of its time there.
-- The boundaries never go back: whoever writes a row lifts each to the one before.
--   wait = started - queued, work = computed - started, save = sent - computed, publish = next queued - sent
-- What comes next is the message's own next row, not the catalogue's next stage: stages are put in, renamed and taken out,
-- and the times of what went through before still add up.
create or replace view steps as
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
left join lateral (
  select n.previous_sent_at, n.queued_at
  from (
    select stage, previous_sent_at, queued_at, computed_at from results
    where message_id = s.message_id and attempt = s.attempt
    union all
    select stage, previous_sent_at, queued_at, computed_at from dead_letters
    where message_id = s.message_id and attempt = s.attempt
  ) n
  left join stages following on following.name = n.stage
  -- Where times are equal, nothing took any time; the order still is the one of the flow.
  where (n.queued_at, n.computed_at, coalesce(following.position, 0), n.stage)
    > (s.queued_at, s.computed_at, coalesce(stages.position, 0), s.stage)
  order by n.queued_at, n.computed_at, coalesce(following.position, 0), n.stage
  limit 1
) next on true
left join lateral (
  select sent_at, finished_at from finishes
  where message_id = s.message_id and attempt = s.attempt and next.queued_at is null and s.outcome = 'processed'
  -- Keeps it a look-up for last rows only, where the planner would rather read all finishes.
  limit 1
) last on true;

create index dead_letters_by_time on dead_letters using brin (queued_at) with (pages_per_range = 32, autosummarize = on);
