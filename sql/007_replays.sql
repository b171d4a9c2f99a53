-- An attempt of a message that somebody asked for: its number is taken here before anything is sent, so that no two share one.
create table replays (
  message_id uuid not null references inputs on delete cascade,
  attempt smallint not null,
  -- Where it begins.
  stage text not null,
  replayed_at timestamptz not null default now(),
  primary key (message_id, attempt)
);
