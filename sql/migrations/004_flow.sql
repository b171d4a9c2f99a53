-- The flow as a picture: the nodes and edges that Grafana's node graph draws; its documentation defines the names of the columns.
-- A stage is a node, and the topic that it reads is the edge that leads to it: what waits on a topic waits for one stage.

-- A rate as text: "0.4/s", "22/s", "4,200/s".
create function per_second(rate float8) returns text language sql immutable parallel safe
return case when rate < 10 then round(rate::numeric, 1)::float8::text else to_char(rate, 'FM999,999,999') end || '/s';

-- A count as text, short enough for a node: "12", "4,200", "120 k".
create function short_count(count bigint) returns text language sql immutable parallel safe
return case when count < 100000 then to_char(count, 'FM99,990') else to_char(count / 1000, 'FM999,999,990') || ' k' end;

-- From left to right: where messages enter, the stages, where they have finished, and the tracer while the monitor samples it.
create view flow as
with latest as materialized (
  select * from stage_now
), finishing as (
  -- From the first and the last total of the monitor in 30 s, as long as the rates of the stages.
  select ((max(finished) - min(finished)) / nullif(extract(epoch from max(at) - min(at)), 0))::float8 as rate
  from ledger_history where at > now() - interval '30 s'
)
-- Both ends have the name of the stage beside them, for links.
select 0 as place, 'Entered' as id, stage, null as topic, null as verdict, null as sentence, null::bigint as waiting,
  null::float8 as arrivals, arrivals_per_second as served
from (select * from latest order by position limit 1) first
union all
select position, stage, stage, topic, verdict, sentence, waiting, arrivals_per_second, served_per_second
from latest where is_stage
union all
select position + 1, 'Finished', stage, (select target from counters c where c.stage = last.stage and target <> '' limit 1),
  null, null, null, finishing.rate, finishing.rate
from (select * from latest where is_stage order by position desc limit 1) last
cross join finishing
union all
select position + 1, stage, stage, null, verdict, sentence, waiting, arrivals_per_second, served_per_second
from latest where not is_stage;

-- The arc of a stage is a full circle in the colour of its verdict. Both ends have no arc and are smaller.
create view flow_nodes as
select
  id,
  stage,
  id as title,
  coalesce(verdict, '') as subtitle,
  case when verdict is null then per_second(served) else short_count(waiting) || ' waiting' end as mainstat,
  case when verdict is not null then per_second(served) end as secondarystat,
  sentence as "detail__sentence",
  case when verdict is null then 22 else 32 end as noderadius,
  -- In pixels from the middle of the panel: as far apart as fits a screen 1280 wide, and all titles in a line.
  (2 * place - max(place) over ()) * least(140, greatest(96, 832 / max(place) over ())) / 2 as fixedx,
  case when verdict is null then 0 else -10 end as fixedy,
  (verdict is not distinct from 'OK')::integer as "arc__ok",
  (verdict is not distinct from 'CATCHING UP')::integer as "arc__catching_up",
  (verdict is not distinct from 'FALLING BEHIND')::integer as "arc__falling_behind",
  (verdict is not distinct from 'STALLED')::integer as "arc__stalled",
  (verdict is not distinct from 'STOPPED')::integer as "arc__stopped",
  (verdict is not distinct from 'UNKNOWN')::integer as "arc__unknown"
from flow;

-- The more messages a second, the thicker.
create view flow_edges as
select id, source, id as target, per_second(arrivals) as mainstat, topic as secondarystat,
  least(4, 1 + ln(1 + coalesce(arrivals, 0)) / 3) as thickness
from (select *, lag(id) over (order by place) as source from flow) nodes
where source is not null;
