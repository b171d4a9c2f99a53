-- The queries of the dashboards. The functions read only the views, so a role that may select from these may call them.
-- Each reads a bounded number of rows, whatever the range of time and the number of messages.

-- The id in a text, with or without dashes; null when it is none. The planner folds it to a constant, and then reads only the
-- partition of its day.
create function to_message_id(id text) returns uuid language sql immutable parallel safe
return case when replace(trim(id), '-', '') ~* '^[0-9a-f]{32}$' then replace(trim(id), '-', '')::uuid end;

-- The beginning of a text, for a cell of a table.
create function shortened(whole text) returns text language sql immutable parallel safe
return case when length(whole) > 2000 then left(whole, 2000) || '…' else whole end;

-- The time range of a message for a link to a dashboard, in milliseconds, with a margin on both sides.
create function link_from(began timestamptz, ended timestamptz) returns text language sql immutable parallel safe
return floor(extract(epoch from began - greatest(ended - began, interval '20 ms') * 0.05) * 1000)::text;

create function link_to(began timestamptz, ended timestamptz) returns text language sql immutable parallel safe
return ceil(extract(epoch from ended + greatest(ended - began, interval '20 ms') * 0.05) * 1000)::text;

-- One row per message, attempt and stage, with every boundary of its time there.
-- The boundaries never go back: the row has the maximum of each boundary and the one before.
--   wait = started - queued, work = computed - started, save = sent - computed, publish = next queued - sent
-- The next step is the message's own next row, not the catalogue's next stage: the catalogue changes, and the times of older
-- messages still add up.
create view steps as
select
  s.message_id,
  s.attempt,
  stages.position,
  s.stage,
  coalesce(s.reason, 'processed') as outcome,
  s.result,
  s.explanation,
  stages.topic,
  s.partition,
  s."offset",
  s.trace_id,
  s.entered_at,
  s.queued_at,
  s.started_at,
  s.computed_at,
  coalesce(next.previous_sent_at, last.sent_at) as sent_at,
  coalesce(next.queued_at, last.finished_at) as next_queued_at
from results s
left join stages on stages.name = s.stage
left join lateral (
  select n.previous_sent_at, n.queued_at
  from results n
  left join stages following on following.name = n.stage
  -- Steps with equal times are in the order of the flow.
  where n.message_id = s.message_id and n.attempt = s.attempt
    and (n.queued_at, n.computed_at, coalesce(following.position, 0), n.stage)
      > (s.queued_at, s.computed_at, coalesce(stages.position, 0), s.stage)
  order by n.queued_at, n.computed_at, coalesce(following.position, 0), n.stage
  limit 1
) next on true
left join lateral (
  select sent_at, finished_at from finished
  where message_id = s.message_id and attempt = s.attempt and next.queued_at is null and s.reason is null
  -- The limit makes the planner look up single rows instead of reading the whole table.
  limit 1
) last on true;

-- The four times of each step in seconds. Restrict it by message_id or a range of queued_at: both are cheap.
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
from finished;

-- Plain results: the numbers of the message, a stage, the field that it added.
create view numbers_and_results as
select r.message_id, r.attempt, i.numbers, r.stage, r.result, r.computed_at
from results r
left join inputs i on i.message_id = r.message_id
where r.reason is null;

-- The totals of each stage since the beginning, from the counters alone.
-- waiting at a stage = arrived from the one before + entered here - processed - dead.
create view stage_totals as
select
  stages.position,
  stages.name as stage,
  coalesce(sum(c.entered), 0)::bigint as entered,
  coalesce(sum(c.processed), 0)::bigint as processed,
  coalesce(sum(c.dead), 0)::bigint as dead,
  coalesce(sum(c.duplicates), 0)::bigint as duplicates,
  coalesce(sum(c.busy_seconds), 0) as busy_seconds,
  (select coalesce(sum(before.processed), 0)::bigint from counters before where before.target = stages.topic) as arrived
from stages
left join counters c on c.stage = stages.name
where stages.is_current
group by stages.position, stages.name, stages.topic;

-- All messages since the beginning, including those of stages that have left the catalogue.
create view message_totals as
select
  coalesce(sum(entered), 0)::bigint as entered,
  coalesce(sum(finished), 0)::bigint as finished,
  coalesce(sum(dead), 0)::bigint as dead,
  coalesce(sum(duplicates), 0)::bigint as duplicates
from counters;

-- The position of the tracer: after the last stage.
create view tracer_position as
select max(position) + 1 as position from stages where is_current;

-- The monitor's samples of every stage and the tracer. Restrict it by a range of `at`.
create view stage_history as
select coalesce(stages.position, (select position from tracer_position)) as position, s.at, s.stage, s.verdict, s.sentence, s.waiting, s.oldest_seconds, s.arrivals_per_second,
  s.served_per_second, s.drain_seconds, s.utilisation, s.members, s.partitions, s.partitions_assigned, s.missing, s.processes_wanted
from stage_samples s
left join stages on stages.name = s.stage;

-- The same at no more than `most` times, evenly spread. A time without a sample within the 15 s before it has nulls, so that a
-- chart has a gap there.
create function stage_history_between(since timestamptz, until timestamptz, most integer default 600)
returns setof stage_history language sql stable
begin atomic
  with ticks as materialized (
    select tick, tick + s.step as next, sample.at
    from (select greatest(interval '5 s', (until - since) / most) as step) s
    cross join lateral generate_series(since, until, s.step) as tick
    left join lateral (
      select at from stage_history where at >= tick and at < tick + s.step and at <= until order by at limit 1
    ) sample on true
  )
  select h.* from ticks cross join lateral (select * from stage_history where at = ticks.at offset 0) h
  union all
  select t.position, ticks.tick, t.stage, null, null, null, null, null, null, null, null, null, null, null, null, null
  from ticks
  cross join (
    select position, stage from stage_totals
    union
    -- The tracer, where the latest sample has it.
    select position, stage from stage_history where at = (select max(at) from ticks)
  ) t
  where ticks.at is null
    and not exists (select from stage_history where at > ticks.tick - interval '15 s' and at < ticks.next)
  order by at, position;
end;

-- The current state of every stage. A sample is ignored when it is older than 20 s, or later than now after a clock was corrected.
-- The tracer has a row as long as the monitor samples it.
create view stage_now as
with latest as (
  select * from stage_samples
  where at = (select max(at) from stage_samples where at <= now()) and at > now() - interval '20 s'
)
select
  coalesce(stages.position, (select position from tracer_position)) as position,
  coalesce(stages.name, s.stage) as stage,
  stages.name is not null as is_stage,
  stages.topic,
  coalesce(s.verdict, 'UNKNOWN') as verdict,
  s.waiting,
  s.oldest_seconds,
  s.arrivals_per_second,
  s.served_per_second,
  s.drain_seconds,
  -- Null while nothing is done: 0 would look like a stage with a reserve.
  case when s.members > 0 and s.verdict not in ('STOPPED', 'STALLED') then s.utilisation end as utilisation,
  s.members,
  s.partitions,
  s.partitions_assigned,
  s.processes_wanted,
  s.missing,
  coalesce(s.sentence, stages.name || ' is unknown: the monitor has written no sample for 20 s; is it running?') as sentence,
  s.at,
  hex(s.oldest_message) as oldest_message,
  -- For a link to that message: from the time in its id, otherwise from when it was queued here.
  link_from(
    least(uuid_extract_timestamp(s.oldest_message), s.at - make_interval(secs => s.oldest_seconds)), now()
  ) as oldest_link_from
from stages
full join latest s on s.stage = stages.name
-- Without stages that have left the catalogue.
where stages.is_current is not false;

-- The counts of each stage by the rows and by the broker.
create view stage_ledger as
select t.position, t.stage, t.entered, t.processed, t.dead, t.duplicates, n.waiting, n.missing
from stage_totals t
join stage_now n on n.stage = t.stage;

-- The monitor's samples of all messages. Restrict it by a range of `at`.
create view ledger_history as
select at, entered, in_flight, finished, dead, duplicates, missing from ledger_samples;

-- Messages that went through all stages. Restrict it by a range of finished_at, and take the latest.
create view finished_messages as
select message_id, hex(message_id) as message, attempt, entered_at, finished_at,
  extract(epoch from finished_at - entered_at)::float8 as seconds,
  link_from(entered_at, finished_at) as link_from, link_to(entered_at, finished_at) as link_to
from finished;

-- The rows that are dead letters, each with its state:
--   resolved    a later attempt has passed the stage that refused the message
--   superseded  a later attempt is a dead letter too, at this stage or before it: that one counts
--   given up    by `throughline dead-letters --resolve`, with a note
--   in replay   a later attempt is on its way to the stage
--   open        none of these
-- A state takes a few look-ups by message id, and none where it is not selected. Restrict the view as `results`.
create view dead_letters as
select message_id, attempt, stage, reason, explanation, record_value, headers, partition, "offset", trace_id,
  entered_at, previous_sent_at, queued_at, started_at, computed_at,
  coalesce(
    (
      select case
        when bool_or(later.stage = d.stage and later.reason is null) then 'resolved'
        when bool_or(later.reason is not null and (later.stage = d.stage
          or (select position from stages where name = later.stage) <= (select position from stages where name = d.stage)))
          then 'superseded'
        end
      from results later
      where later.message_id = d.message_id and later.attempt > d.attempt
    ),
    (select 'given up' from resolutions r where r.message_id = d.message_id and r.attempt = d.attempt and r.stage = d.stage),
    (
      select 'in replay' from replays p
      where p.message_id = d.message_id and p.attempt > d.attempt
        and (p.sent_at is not null or p.replayed_at > now() - interval '2 minutes')
        -- One that began after the stage does not pass it.
        and (p.stage = d.stage
          or (select position from stages where name = p.stage) <= (select position from stages where name = d.stage))
        and not exists (select from finished f where f.message_id = p.message_id and f.attempt = p.attempt)
        and not exists (
          select from results ended
          where ended.message_id = p.message_id and ended.attempt = p.attempt and ended.reason is not null
        )
      limit 1
    ),
    'open'
  ) as state,
  (
    select note from resolutions r where r.message_id = d.message_id and r.attempt = d.attempt and r.stage = d.stage
  ) as note
from results d
where reason is not null;

-- Dead letters. Restrict it by a range of computed_at, by a stage too, and take the latest.
create view dead_messages as
select message_id, hex(message_id) as message, attempt, computed_at, stage, reason, explanation,
  stages.topic, partition, "offset",
  shortened(encode(substring(record_value from 1 for 2001), 'escape')) as body,
  link_from(entered_at, computed_at) as link_from, link_to(entered_at, computed_at) as link_to,
  state, note
from dead_letters
left join stages on stages.name = stage;

-- The dead letters of each stage that are open or in replay, among the latest 10,000 of all stages. Where has_older is true, older
-- dead letters are not counted: a stage then has at least so many, also one without a row.
create view open_dead_letters as
select stage, count(*) filter (where state = 'open') as open, count(*) filter (where state = 'in replay') as in_replay,
  exists (select from dead_letters order by computed_at desc offset 10000) as has_older
from (select stage, state from dead_letters order by computed_at desc limit 10000) latest
group by stage;

-- The slowest of the latest 20,000 that finished in a range of time.
create function slowest_messages(since timestamptz, until timestamptz, most integer default 15)
returns setof finished_messages language sql stable
begin atomic
  select f.*
  from (
    select message_id, attempt from (
      select message_id, attempt, seconds from finished_messages
      where finished_at between since and until order by finished_at desc limit 20000
    ) latest
    order by seconds desc limit most
  ) slowest
  cross join lateral (
    select * from finished_messages f where f.message_id = slowest.message_id and f.attempt = slowest.attempt offset 0
  ) f
  order by f.seconds desc;
end;

-- The messages that finished in a range of time: all of them up to 400, else 400 that are evenly spread over the part of it
-- in which any did.
create function sampled_messages(since timestamptz, until timestamptz)
returns setof finished_messages language sql stable
begin atomic
  select f.*
  from (
    select
      case when count(*) > 400 then 40 else 1 end as parts,
      (select finished_at from finished_messages where finished_at between since and until order by finished_at limit 1) as first,
      (select finished_at from finished_messages where finished_at between since and until order by finished_at desc limit 1) as last
    from (select from finished_messages where finished_at between since and until limit 401) page
  ) bounds
  cross join lateral (select (bounds.last - bounds.first + interval '1 us') / bounds.parts as length) part
  cross join lateral generate_series(0, bounds.parts - 1) as number
  cross join lateral (
    select * from finished_messages
    where finished_at >= bounds.first + part.length * number and finished_at < bounds.first + part.length * (number + 1)
    order by finished_at desc limit 400 / bounds.parts
  ) f;
end;

-- The mean time of these by stage and part, in seconds: the sum over all stages and parts is the mean time end to end.
create function time_by_stage(since timestamptz, until timestamptz)
returns table ("position" integer, stage text, wait float8, work float8, save float8, publish float8, messages bigint, end_to_end float8)
language sql stable
begin atomic
  with sampled as materialized (
    select message_id, attempt, seconds from sampled_messages(since, until)
  ), total as (
    select count(*) as messages, avg(seconds) as end_to_end from sampled
  )
  select t.position, t.stage, sum(t.wait) / total.messages, sum(t.work) / total.messages,
    sum(t.save) / total.messages, sum(t.publish) / total.messages, total.messages, total.end_to_end
  from sampled s
  cross join lateral (
    select * from step_times t where t.message_id = s.message_id and t.attempt = s.attempt offset 0
  ) t
  cross join total
  group by t.position, t.stage, total.messages, total.end_to_end
  order by t.position;
end;

-- One row per message that entered, with its state. Restrict it by message_id or a range of ids (first_id), and take the latest.
create view messages as
select
  i.message_id,
  hex(i.message_id) as message,
  i.created_at as entered_at,
  case
    when f.attempt = greatest(f.attempt, r.attempt) then 'finished'
    when r.reason is not null then 'dead letter'
    else 'on its way'
  end as state,
  case
    when f.attempt = greatest(f.attempt, r.attempt) then null
    when r.reason is not null then r.stage
    when r.stage is null then i.stage
    else coalesce(following.name, r.stage)
  end as stage,
  greatest(f.attempt, r.attempt, 1) as attempt,
  extract(epoch from f.finished_at - f.entered_at)::float8 as seconds,
  extract(epoch from now() - i.created_at)::float8 as age,
  link_from(i.created_at, coalesce(f.finished_at, r.dead_at, i.created_at)) as link_from,
  case when f.attempt is null and r.dead_at is null then 'now'
    else link_to(i.created_at, greatest(f.finished_at, r.dead_at)) end as link_to
from inputs i
left join lateral (
  select attempt, entered_at, finished_at from finished where message_id = i.message_id order by attempt desc limit 1
) f on true
left join lateral (
  select attempt, stage, reason, case when reason is not null then computed_at end as dead_at
  from results where message_id = i.message_id
  order by attempt desc, reason is null, queued_at desc limit 1
) r on true
left join stages reached on reached.name = r.stage
-- A stage that has left the catalogue left its position to the next one.
left join stages following on following.is_current and following.position = reached.position + reached.is_current::int;

-- Traces that messages came with. Restrict it by trace_id.
create view foreign_traces as
select foreign_trace_id as trace_id, message_id from results where foreign_trace_id is not null;

-- The message of a dashboard's variable: by its id or its trace id, with or without dashes; for an empty text the latest that
-- finished, if possible so long ago that its trace is exported; null for anything else.
create function message_asked_for(id text) returns uuid language sql stable
begin atomic
  select case when trim(id) = '' then coalesce(
    (select message_id from finished_messages where finished_at < now() - interval '10 s' order by finished_at desc limit 1),
    (select message_id from finished_messages order by finished_at desc limit 1)
  ) else coalesce(
    (select message_id from messages where message_id = to_message_id(id)),
    (select message_id from foreign_traces where trace_id = to_message_id(id) limit 1),
    to_message_id(id)
  ) end;
end;

-- The steps of a message: the body that each stage received, the field it added, and the times. Restrict it by message_id.
create view message_history as
select
  s.message_id,
  s.attempt,
  s.position,
  s.stage,
  s.outcome,
  shortened(coalesce(received.body, i.body, i.numbers)) as received,
  shortened(s.result) as added,
  s.explanation,
  s.topic,
  s.partition,
  s."offset",
  s.trace_id,
  s.queued_at,
  -- In seconds, since this attempt entered the pipeline.
  extract(epoch from s.queued_at - s.entered_at)::float8 as before,
  extract(epoch from s.started_at - s.queued_at)::float8 as wait,
  extract(epoch from s.computed_at - s.started_at)::float8 as work,
  extract(epoch from s.sent_at - s.computed_at)::float8 as save,
  extract(epoch from s.next_queued_at - s.sent_at)::float8 as publish
from steps s
left join lateral (
  -- The body of the row before; for a replay that begins in the middle, of the row before in an earlier attempt.
  select r.body from results r
  left join stages before on before.name = r.stage
  where r.message_id = s.message_id and r.attempt <= s.attempt and r.reason is null
    and case when r.attempt < s.attempt then before.position < s.position
      else (r.queued_at, r.computed_at, coalesce(before.position, 0), r.stage)
        < (s.queued_at, s.computed_at, coalesce(s.position, 0), s.stage) end
  order by r.attempt desc, r.queued_at desc, r.computed_at desc, before.position desc limit 1
) received on true
left join inputs i on i.message_id = s.message_id;

-- The same, and the current stage of a message that has not ended, in seconds, for a bar chart. Restrict it by message_id.
create view message_bars as
select message_id, attempt, position, case when attempt > 1 then attempt || ': ' || stage else stage end as label,
  before, wait, work, save, publish, null::float8 as so_far
from message_history
union all
select m.message_id, m.attempt, stages.position, case when m.attempt > 1 then m.attempt || ': ' || m.stage else m.stage end,
  coalesce(reached.seconds, 0), null, null, null, null,
  extract(epoch from now() - coalesce(reached.entered_at, m.entered_at)) - coalesce(reached.seconds, 0)
from messages m
left join stages on stages.name = m.stage
left join lateral (
  select max(s.entered_at) as entered_at, extract(epoch from max(s.computed_at) - max(s.entered_at))::float8 as seconds
  from steps s where s.message_id = m.message_id and s.attempt = m.attempt
) reached on true
where m.state = 'on its way';

-- The trace of a message's latest attempt; before its first row it is the one with the message's id.
create function trace_of(id uuid) returns text language sql stable
begin atomic
  select coalesce((select trace_id from steps where message_id = id order by attempt desc limit 1), hex(id), repeat('0', 32));
end;

-- Notifications that Grafana has delivered, each with a link to its dashboard at its time. Restrict it by a range of received_at.
create view alerts_delivered as
select received_at, status, alert, stage, severity, summary,
  url || case when strpos(url, '?') > 0 then '&' else '?' end
    || 'from=' || link_from(starts_at - interval '5 minutes', starts_at)
    || '&to=' || case when ends_at is null then 'now' else link_to(starts_at, ends_at + interval '5 minutes') end as url,
  starts_at, ends_at, fingerprint
from alert_notifications;

-- Alerts that fire: those whose latest notification says so.
create view alerts_firing as
select received_at, alert, stage, severity, summary, url, starts_at
from (
  select distinct on (fingerprint) * from alert_notifications order by fingerprint desc, starts_at desc, status desc
) latest
where status = 'firing';

-- The scenarios as regions on dashboards; the names of the columns are those of Grafana's annotations.
create view scenario_regions as
select began_at as "time", ends_at as timeend, name || ': ' || about as text, 'scenario' as tags
from scenarios;
