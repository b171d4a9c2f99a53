-- What entered the pipeline, and the generator's outbox. The row comes first, then the record on the topic, then the
-- mark: after a crash in between, the same id is published again and the first stage drops the copy.
create table inputs (
  message_id uuid primary key,
  -- The numbers as they were written, so that every digit stays; null when a body posted by hand has none.
  numbers text,
  dt timestamptz not null default now(),
  -- What is published. Null when the message was posted by hand: the stage that read it holds what it made of it.
  body text,
  -- Where it entered: the stage that reads it first.
  stage text not null,
  partition integer not null,
  -- Null until the broker has it.
  published_at timestamptz
);

create index inputs_unpublished on inputs (message_id) where published_at is null;

-- One row per message, attempt and stage. The key is the promise "nothing twice".
create table results (
  message_id uuid not null,
  attempt smallint not null,
  stage text not null,
  numbers text,
  result text not null,
  -- What was published, byte for byte: sent again on a redelivery, and to any stage by a replay.
  body text not null,
  -- Headers that came with the message and go on with it, as a JSON object of latin1 strings.
  headers text,
  -- Where it came from. A second delivery from the same place is a redelivery, from another place a copy.
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  -- The trace that came with the message, when one did; otherwise the trace id is the message id.
  foreign_trace_id uuid,
  trace_id text generated always as (encode(uuid_send(coalesce(foreign_trace_id, message_id)), 'hex')) virtual,
  -- The boundaries of the times that add up. Those that lie behind this row are in the row of the next stage.
  entered_at timestamptz not null,
  previous_sent_at timestamptz,
  queued_at timestamptz not null,
  started_at timestamptz not null,
  computed_at timestamptz not null,
  primary key (message_id, attempt, stage)
);

-- Rows come in the order of time, so a range of time is a range of blocks: an index of a few pages finds it.
create index results_by_time on results using brin (queued_at) with (pages_per_range = 32, autosummarize = on);

-- A message that has no answer at a stage, with the reason. Same key as results: a message has a row in one of the two.
create table dead_letters (
  message_id uuid not null,
  attempt smallint not null,
  stage text not null,
  reason text not null,
  explanation text not null,
  -- The record's value as it came, which need not be text; null for a null value.
  body bytea,
  headers text,
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  foreign_trace_id uuid,
  trace_id text generated always as (encode(uuid_send(coalesce(foreign_trace_id, message_id)), 'hex')) virtual,
  entered_at timestamptz not null,
  previous_sent_at timestamptz,
  queued_at timestamptz not null,
  started_at timestamptz not null,
  computed_at timestamptz not null,
  primary key (message_id, attempt, stage)
);

create index dead_letters_latest on dead_letters (computed_at desc);
create index dead_letters_latest_of_stage on dead_letters (stage, computed_at desc);

-- A message that went through all stages: written by the last one, after the broker has the record.
create table finishes (
  message_id uuid not null,
  attempt smallint not null,
  entered_at timestamptz not null,
  sent_at timestamptz not null,
  finished_at timestamptz not null,
  partition integer not null,
  "offset" bigint not null,
  primary key (message_id, attempt)
);

create index finishes_latest on finishes (finished_at desc);

-- The account that needs no scan: written in the transaction of the rows it counts.
-- waiting at a stage = processed by the one before + entered here - processed - dead.
create table counters (
  stage text not null,
  partition integer not null,
  -- Entered the pipeline at this stage: generated, submitted, posted by hand, replayed.
  entered bigint not null default 0,
  processed bigint not null default 0,
  dead bigint not null default 0,
  -- Records dropped because another offset holds the message. Says what was seen: not part of the sum.
  copies bigint not null default 0,
  primary key (stage, partition)
) with (fillfactor = 50);

-- The catalogue, written by `throughline migrate`: it gives every report the order of the flow.
create table stages (
  name text primary key,
  position integer not null unique,
  topic text not null
);
