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

-- The scenarios as regions on dashboards; the names of the columns are those of Grafana's annotations.
create view scenario_regions as
select began_at as "time", ends_at as timeend, name || ': ' || about as text, 'scenario' as tags
from scenarios;
