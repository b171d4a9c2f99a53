-- Seconds in which a process had a batch of this partition in work and no other was counted already: the sum over the
-- partitions, by time and by processes, is how busy the stage is.
alter table counters add column busy_seconds float8 not null default 0;

-- Messages that went through all stages, counted with their finishes, so whichever stage was the last one then.
alter table counters add column finished bigint not null default 0;

update counters set finished = processed where stage = (select name from stages order by position desc limit 1);

-- Where results went, counted with them. What was sent to a topic is in front of the stage that reads it, also when
-- another one stood before that stage then.
create table passed_on (
  stage text not null,
  partition integer not null,
  topic text not null,
  messages bigint not null,
  primary key (stage, partition, topic)
) with (fillfactor = 50);

insert into passed_on (stage, partition, topic, messages)
select c.stage, c.partition, following.topic, c.processed
from counters c
join stages on stages.name = c.stage
join stages following on following.position = stages.position + 1;

-- waiting at a stage = arrived from the one before + entered here - processed - dead.
create or replace view stage_totals as
select
  stages.position,
  stages.name as stage,
  coalesce(sum(c.entered), 0)::bigint as entered,
  coalesce(sum(c.processed), 0)::bigint as processed,
  coalesce(sum(c.dead), 0)::bigint as dead,
  coalesce(sum(c.copies), 0)::bigint as copies,
  (select coalesce(sum(p.messages), 0)::bigint from passed_on p where p.topic = stages.topic) as arrived
from stages
left join counters c on c.stage = stages.name
group by stages.position, stages.name;

-- All messages since the beginning, those of stages that are no more, too.
create view message_totals as
select
  coalesce(sum(entered), 0)::bigint as entered,
  coalesce(sum(finished), 0)::bigint as finished,
  coalesce(sum(dead), 0)::bigint as dead,
  coalesce(sum(copies), 0)::bigint as copies
from counters;

-- What the monitor saw of each stage, every five seconds: the history beside the rows.
create table stage_samples (
  at timestamptz not null,
  stage text not null,
  -- By the broker: end offset - committed offset. What the broker says is null when it could not be asked: UNKNOWN.
  waiting bigint,
  oldest_seconds float8,
  -- Null while there is nothing to compare with, drain_seconds also when it would take for ever.
  arrivals_per_second float8,
  served_per_second float8,
  drain_seconds float8,
  utilisation float8,
  members integer,
  partitions integer,
  partitions_assigned integer,
  -- The rows say that these wait, and the broker does not have them. Null when one of the two could not be asked.
  missing bigint,
  verdict text not null,
  sentence text not null,
  primary key (at, stage)
);

-- All messages, as the monitor accounted for them at the same times.
create table ledger_samples (
  at timestamptz primary key,
  entered bigint not null,
  in_flight bigint not null,
  finished bigint not null,
  dead bigint not null,
  copies bigint not null,
  missing bigint not null
);

-- Alerts that were delivered to the monitor, one row for each time that one fired or resolved.
create table alert_notifications (
  id bigint generated always as identity primary key,
  received_at timestamptz not null default now(),
  status text not null check (status in ('firing', 'resolved')),
  alert text not null,
  -- Null when the alert is about no stage.
  stage text,
  severity text,
  summary text,
  "values" jsonb,
  url text,
  starts_at timestamptz not null,
  -- Null while it fires.
  ends_at timestamptz,
  fingerprint text not null,
  -- Grafana says it again as long as it goes on.
  unique (fingerprint, starts_at, status)
);

create index alert_notifications_latest on alert_notifications (received_at desc);
