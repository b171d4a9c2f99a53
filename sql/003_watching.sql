-- Seconds in which a process had a batch of this partition in work and no other was counted already: the sum over the
-- partitions, by time and by processes, is how busy the stage is.
alter table counters add column busy_seconds float8 not null default 0;

-- What the monitor saw of each stage, every five seconds: the history beside the rows.
create table stage_samples (
  at timestamptz not null,
  stage text not null,
  -- By the broker: end offset - committed offset.
  waiting bigint not null,
  oldest_seconds float8 not null,
  -- Null while there is nothing to compare with, drain_seconds also when it would take for ever.
  arrivals_per_second float8,
  served_per_second float8,
  drain_seconds float8,
  utilisation float8,
  members integer not null,
  partitions integer not null,
  partitions_assigned integer not null,
  -- The rows say that these wait, and the broker does not have them.
  missing bigint not null,
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
