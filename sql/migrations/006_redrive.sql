-- Redrive: what became of a dead letter, and those that are sent again together or given up.

-- When the broker had the record of the replay. Null while it is being sent, and for good where the process ended in between:
-- the record may then be on its topic or not. After two minutes it may be sent again under the same number, and the stage
-- drops a second record as a duplicate.
alter table replays add column sent_at timestamptz;
update replays set sent_at = replayed_at;

-- Dead letters that were given up.
create table resolutions (
  message_id uuid not null,
  attempt smallint not null,
  stage text not null,
  -- Why.
  note text not null,
  at timestamptz not null default now(),
  primary key (message_id, attempt, stage)
);

create index on resolutions (at);

-- The rows that are dead letters, each with its state:
--   resolved    a later attempt has passed the stage that refused the message
--   superseded  a later attempt is a dead letter too, at this stage or before it: that one counts
--   given up    by `throughline dead-letters --resolve`, with a note
--   in replay   a later attempt is on its way to the stage
--   open        none of these
-- A state takes a few look-ups by message id, and none where it is not selected. Restrict the view as `results`.
create or replace view dead_letters as
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
create or replace view dead_messages as
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
