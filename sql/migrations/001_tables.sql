-- The tables. Rows are the one source of truth: dashboards, traces, the ledger and replays are read from them.

-- An id as text: 32 lower-case hex digits.
create function hex(id uuid) returns text language sql immutable parallel safe
return encode(uuid_send(id), 'hex');

-- The least id of messages that entered at a time: ids begin with their time (UUIDv7), so a range of time is a range of ids.
create function first_id(at timestamptz) returns uuid language sql immutable parallel safe
return rpad(lpad(to_hex(greatest(0, floor(extract(epoch from at) * 1000))::bigint), 12, '0'), 32, '0')::uuid;

-- Messages that entered the pipeline.
create table inputs (
  message_id uuid primary key,
  created_at timestamptz not null default now(),
  partition integer not null,
  -- Where it entered: the stage that reads it first.
  stage text not null,
  -- The numbers as they were written, so that every digit stays; null when a body posted by hand has none.
  numbers text,
  -- The body that is published. Null when the message was posted by hand.
  body text,
  -- The command that submitted it; null for the generator.
  entered_by text
) partition by range (message_id);

create index inputs_by_time on inputs using brin (created_at) with (pages_per_range = 32, autosummarize = on);

-- Inputs that the broker may not have yet. The rows are inserted first, then the record is published, then the row here is deleted:
-- after a crash in between, the same id is published again and the first stage drops the duplicate. It is a table of its own,
-- since a mark in `inputs` would write every row twice.
create table outbox (
  message_id uuid primary key,
  created_at timestamptz not null default now(),
  stage text not null
);

-- One row per message, attempt and stage: a result or a dead letter. The key is the promise "nothing twice".
-- Columns of fixed length come first, the widest in front, which avoids padding.
create table results (
  message_id uuid not null,
  -- The boundaries of the times that add up. The later ones are in the row of the next stage.
  entered_at timestamptz not null,
  -- When the stage before began to publish it; null where the message entered the pipeline.
  previous_sent_at timestamptz,
  queued_at timestamptz not null,
  started_at timestamptz not null,
  computed_at timestamptz not null,
  -- The place of the record on the topic that the stage reads. A second delivery from the same place is a redelivery, one
  -- from another place a duplicate.
  "offset" bigint not null,
  partition integer not null,
  attempt smallint not null,
  stage text not null,
  -- The field that the stage added, and the whole body as it was published: a redelivery or a replay sends it again.
  result text,
  body text,
  -- A JSON object of latin1 strings. For a result: the headers that are not the pipeline's own and are sent on with the message.
  -- For a dead letter: all headers of its record.
  headers text,
  -- Null for a result. A dead letter has a reason, a sentence that explains it, and the value of its record, which may be any
  -- bytes or null.
  reason text,
  explanation text,
  record_value bytea,
  -- The trace and the span that the message came with, where they are not derived from its id.
  foreign_trace_id uuid,
  parent_span_id text,
  parent_flags smallint,
  trace_id text generated always as (encode(uuid_send(coalesce(foreign_trace_id, message_id)), 'hex')) virtual,
  primary key (message_id, attempt, stage),
  constraint result_or_dead_letter check ((body is null) <> (reason is null))
) partition by range (message_id);

-- Rows are inserted in the order of time, so a range of time is a range of blocks, which an index of a few pages finds.
create index results_by_time on results using brin (queued_at, computed_at) with (pages_per_range = 32, autosummarize = on);
create index results_dead on results (computed_at desc) where reason is not null;
create index results_dead_by_stage on results (stage, computed_at desc) where reason is not null;
-- From a trace to its message, where the message came with the trace: few do, so this holds few rows.
create index results_by_foreign_trace on results (foreign_trace_id) where foreign_trace_id is not null;

-- A message that went through all stages: written by the last one, after the broker has the record.
create table finished (
  message_id uuid not null,
  entered_at timestamptz not null,
  sent_at timestamptz not null,
  finished_at timestamptz not null,
  -- The place of the record on the last topic.
  "offset" bigint not null,
  partition integer not null,
  attempt smallint not null,
  primary key (message_id, attempt)
) partition by range (message_id);

create index finished_latest on finished (finished_at desc);

-- Attempts that replays made: the number is reserved here before the record is sent, so that it is unique.
create table replays (
  message_id uuid not null,
  attempt smallint not null,
  -- The stage where the attempt begins.
  stage text not null,
  replayed_at timestamptz not null default now(),
  -- When the broker had the record. Null while it is being sent, and for good where the process ended in between: the record
  -- may then be on its topic or not. After two minutes it may be sent again under the same number, and the stage drops a second
  -- record as a duplicate.
  sent_at timestamptz,
  primary key (message_id, attempt)
);

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

-- Sums that need no scan, written by the statement that writes the rows they count.
-- waiting at a stage = processed with its topic as the target + entered here - processed - dead.
create table counters (
  stage text not null,
  partition integer not null,
  -- The topic of the results, in front of the stage that reads it. Empty for messages that a generator submitted.
  target text not null,
  -- Entered the pipeline at this stage: generated, submitted, posted by hand, replayed.
  entered bigint not null default 0,
  processed bigint not null default 0,
  dead bigint not null default 0,
  finished bigint not null default 0,
  -- Records that were dropped because the row of the message came from another offset. Not part of the sum.
  duplicates bigint not null default 0,
  -- Seconds in which a process of the stage had at least one batch in work.
  busy_seconds float8 not null default 0,
  primary key (stage, partition, target)
) with (fillfactor = 50);

-- The catalogue, written by `throughline migrate`: it gives every report the order of the flow. A stage that has left the
-- catalogue keeps its row and its position.
create table stages (
  name text primary key,
  position integer not null,
  topic text not null,
  is_current boolean not null default true
);

create unique index stages_position on stages (position) where is_current;

-- The monitor's samples of each stage, every five seconds. They include the tracer, where traces are exported; it is no stage
-- and has no row in `stages`.
create table stage_samples (
  at timestamptz not null,
  stage text not null,
  -- End offset - committed offset. Columns from the broker are null when it did not answer: UNKNOWN.
  waiting bigint,
  oldest_seconds float8,
  -- Null until there is an earlier sample; drain_seconds also when the backlog does not shrink.
  arrivals_per_second float8,
  served_per_second float8,
  drain_seconds float8,
  utilisation float8,
  members integer,
  partitions integer,
  partitions_assigned integer,
  -- Null until the stage was watched for a minute.
  processes_wanted integer,
  -- Messages that wait by the rows and that the broker does not have. Null when one of the two did not answer.
  missing bigint,
  -- The oldest message that waits; null when none waits, or its record could not be read.
  oldest_message uuid,
  verdict text not null,
  sentence text not null,
  primary key (at, stage)
);

-- The monitor's samples of all messages, at the same times.
create table ledger_samples (
  at timestamptz primary key,
  entered bigint not null,
  in_flight bigint not null,
  finished bigint not null,
  dead bigint not null,
  duplicates bigint not null,
  missing bigint not null
);

-- Alerts that were delivered to the monitor, one row each time that an alert fired or resolved.
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
  -- Grafana repeats a notification while the alert fires.
  unique (fingerprint, starts_at, status)
);

create index alert_notifications_latest on alert_notifications (received_at desc);

-- Scenarios, which break the pipeline on purpose: see `throughline scenario`.
-- One row for each time that a scenario ran. A row with a fault is a lease: the processes that it concerns obey it until
-- `ends_at`, so nothing has to end it.
create table scenarios (
  id integer generated always as identity primary key,
  name text not null,
  about text not null,
  -- The stage whose processes obey; null where the fault concerns a server, or there is none.
  stage text,
  fault text,
  setting jsonb not null default '{}',
  began_at timestamptz not null default now(),
  ends_at timestamptz not null,
  -- What the processes that obey have done, as they count it: messages delayed, attempts failed. Null until one obeys.
  effects bigint,
  -- What was expected and what was seen; null until the scenario is judged.
  result jsonb
);

-- Stages ask every second.
create index scenarios_by_end on scenarios (ends_at);
