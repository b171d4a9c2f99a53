-- inputs, results and finished have one partition a day, by the time in the message id (UUIDv7), in UTC.
-- Besides the days there are three: ids from before the first day (_past), ids without a plausible time, such as a random
-- UUIDv4 (_foreign, from the year 2100 on), and all others, such as those of a clock that is ahead (_default).
create table inputs_past partition of inputs for values from (minvalue) to (first_id(date_trunc('day', now(), 'UTC')));
create table results_past partition of results for values from (minvalue) to (first_id(date_trunc('day', now(), 'UTC')));
create table finished_past partition of finished for values from (minvalue) to (first_id(date_trunc('day', now(), 'UTC')));
create table inputs_foreign partition of inputs for values from (first_id('2100-01-01 00:00:00Z')) to (maxvalue);
create table results_foreign partition of results for values from (first_id('2100-01-01 00:00:00Z')) to (maxvalue);
create table finished_foreign partition of finished for values from (first_id('2100-01-01 00:00:00Z')) to (maxvalue);
create table inputs_default partition of inputs default;
create table results_default partition of results default;
create table finished_default partition of finished default;

-- The rows of these three are deleted in pages, the oldest first. Their ids do not tell their age, so they need an index that the
-- days do without; finished has one everywhere.
create index on inputs_past (created_at);
create index on inputs_foreign (created_at);
create index on inputs_default (created_at);
create index on results_past (computed_at);
create index on results_foreign (computed_at);
create index on results_default (computed_at);
create index on replays (replayed_at);
create index on resolutions (at);

-- The partitions of days, with Postgres's estimates of their rows.
create view day_partitions as
select parent.relname::text as "table", child.relname::text as name, to_date(right(child.relname, 8), 'YYYYMMDD') as day,
  greatest(child.reltuples, 0)::bigint as estimated_rows
from pg_inherits
join pg_class parent on parent.oid = inhparent
join pg_class child on child.oid = inhrelid
where parent.oid in ('inputs'::regclass, 'results'::regclass, 'finished'::regclass) and child.relname ~ '_\d{8}$';

-- The number of whole days after today for which all three tables have a partition.
create function partitions_ahead_days() returns integer language sql stable
begin atomic
  select count(*)::integer
  from (
    select day, row_number() over (order by day)::integer as number from day_partitions
    where day > (now() at time zone 'UTC')::date group by day having count(*) = 3
  ) ahead
  where day = (now() at time zone 'UTC')::date + number;
end;

-- Makes the partition of one day and moves the rows of that day from the default partition into it.
-- Creating the table first and then attaching it locks only the default partition, for as long as Postgres reads it: 0.3 s for
-- a million rows. An existing table of that day that is not attached is attached. When the default holds very many rows of the
-- day, moving them would take too long: it makes nothing and returns null.
create function make_day_partition(parent text, day date) returns bigint language plpgsql as $$
declare
  child text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
  low uuid := first_id(day::timestamp at time zone 'UTC');
  high uuid := first_id((day + 1)::timestamp at time zone 'UTC');
  columns text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = parent::regclass and attnum > 0 and not attisdropped and attgenerated = ''
  );
  most constant integer := 100000;
  moved bigint;
begin
  execute format(
    'select count(*) from (select from %I where message_id >= %L and message_id < %L limit %s) held',
    parent || '_default', low, high, most
  ) into moved;
  if moved = most then return null; end if;
  execute format('create table if not exists %I (like %I including all)', child, parent);
  -- In the order in which queries lock them.
  execute format('lock table only %I in share update exclusive mode', parent);
  execute format('lock table %I in access exclusive mode', parent || '_default');
  execute format(
    'with moved as (delete from %1$I where message_id >= %2$L and message_id < %3$L returning %4$s) insert into %5$I (%4$s) table moved',
    parent || '_default', low, high, columns, child
  );
  get diagnostics moved = row_count;
  execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, child, low, high);
  return moved;
end $$;

-- Whether a day may be dropped: no row is younger than the cutoff, and no input is in the outbox.
-- A replay writes young rows into an old day, and an input may wait long for its broker.
create function is_day_expired(day date, cutoff timestamptz) returns boolean language plpgsql as $$
declare
  name text;
  young text;
  is_young boolean;
begin
  for name, young in
    select d.name, case d."table" when 'results' then 'computed_at >= $1' else 'created_at >= $1' end
    from day_partitions d where d.day = is_day_expired.day and d."table" <> 'finished'
  loop
    execute format('select exists (select from %I where %s)', name, young) into is_young using cutoff;
    if is_young then return false; end if;
  end loop;
  return not exists (
    select from outbox
    where message_id >= first_id(is_day_expired.day::timestamp at time zone 'UTC')
      and message_id < first_id((is_day_expired.day + 1)::timestamp at time zone 'UTC')
  );
end $$;

-- Drops one partition of a day. It waits only for the lock on the parent, which stops later queries. Rows that were written
-- until then may be young, so the age is checked again. Returns whether the partition was dropped.
create function drop_day_partition(parent text, day date, cutoff timestamptz) returns boolean language plpgsql as $$
declare
  child text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
begin
  execute format('lock table only %I in access exclusive mode', parent);
  execute format('lock table %I, %I in access exclusive mode nowait', child, parent || '_default');
  if not is_day_expired(day, cutoff) then return false; end if;
  execute format('drop table %I', child);
  return true;
end $$;

-- Deletes a page of the oldest rows that are older than the cutoff. An input stays while it is in the outbox or its message has
-- results, from a replay for instance; a page full of such inputs delays later ones until their results are old too.
create function delete_page(name text, at text, cutoff timestamptz, results text default null) returns bigint language plpgsql as $$
declare
  deleted bigint;
begin
  execute format(
    'delete from %1$I where ctid = any (array(select ctid from (select ctid, * from %1$I where %2$I < $1 order by %2$I limit 5000) oldest %3$s))',
    name, at,
    'where not exists (select from ' || quote_ident(results) || ' r where r.message_id = oldest.message_id)'
      || ' and not exists (select from outbox o where o.message_id = oldest.message_id)'
  ) using cutoff;
  get diagnostics deleted = row_count;
  return deleted;
exception when lock_not_available or deadlock_detected then
  return 0;
end $$;

-- Maintains the tables: makes the partitions of today and the days ahead, removes rows older than the retention, and analyzes the
-- parents for the planner. A call makes one partition, or drops one, or deletes a page of each table, so that no lock is held
-- for long. Returns what it did, with the rows that were moved or deleted; for a dropped partition Postgres's estimate. Call it
-- again as long as it did something. A lock that is not available within half a second, in which other queries queue behind it,
-- is left to the next call (`locked`), and so is a day of which the default holds too many rows (`full`).
--
-- Rows are kept for longer than records, so no record can be delivered after its row was removed.
create function maintain_partitions(retention_days integer, days_ahead integer default 3)
returns table (action text, table_name text, partition_name text, row_count bigint)
language plpgsql
set lock_timeout = '500ms'
-- Every query uses an index, also with old or missing statistics.
set enable_seqscan = off
as $$
declare
  today constant date := (now() at time zone 'UTC')::date;
  cutoff constant timestamptz := now() - make_interval(days => retention_days);
  coming date;
  suffix text;
  expired record;
begin
  -- Of concurrent calls one does the work.
  if not pg_try_advisory_xact_lock(7403121) then return; end if;

  for coming, table_name in
    select today + n, parent
    from generate_series(0, days_ahead) n, unnest(array['inputs', 'results', 'finished']) parent
    order by n, parent
  loop
    partition_name := format('%s_%s', table_name, to_char(coming, 'YYYYMMDD'));
    continue when exists (select from day_partitions d where d."table" = table_name and d.day = coming);
    begin
      row_count := make_day_partition(table_name, coming);
      action := case when row_count is null then 'full' else 'made' end;
    exception when lock_not_available or deadlock_detected then
      action := 'locked';
    end;
    row_count := coalesce(row_count, 0);
    return next;
    if action = 'made' then return; end if;
  end loop;

  for expired in select * from day_partitions d where d.day < today - retention_days order by d.day, d."table" loop
    continue when not is_day_expired(expired.day, cutoff);
    table_name := expired."table";
    partition_name := expired.name;
    row_count := expired.estimated_rows;
    begin
      continue when not drop_day_partition(table_name, expired.day, cutoff);
      action := 'dropped';
    exception when lock_not_available or deadlock_detected then
      action := 'locked';
    end;
    return next;
    exit when action = 'locked';
    return;
  end loop;

  -- Autovacuum analyzes partitions, never their parents.
  select relname into table_name from pg_stat_all_tables
  where relid in ('inputs'::regclass, 'results'::regclass, 'finished'::regclass)
    and coalesce(last_analyze, '-infinity') < now() - interval '6 hours'
  order by last_analyze nulls first limit 1;
  begin
    if found then execute format('analyze only %I', table_name); end if;
  exception when lock_not_available or deadlock_detected then null;
  end;

  action := 'deleted';
  foreach suffix in array array['_past', '_foreign', '_default'] loop
    -- The input last: it identifies the message of the other rows.
    for table_name, row_count in values
      ('results', delete_page('results' || suffix, 'computed_at', cutoff)),
      ('finished', delete_page('finished' || suffix, 'finished_at', cutoff)),
      ('inputs', delete_page('inputs' || suffix, 'created_at', cutoff, 'results' || suffix))
    loop
      partition_name := table_name || suffix;
      if row_count > 0 then return next; end if;
    end loop;
  end loop;
  for table_name, row_count in values
    ('replays', delete_page('replays', 'replayed_at', cutoff)),
    ('resolutions', delete_page('resolutions', 'at', cutoff, 'results')),
    ('stage_samples', delete_page('stage_samples', 'at', cutoff)),
    ('ledger_samples', delete_page('ledger_samples', 'at', cutoff)),
    ('alert_notifications', delete_page('alert_notifications', 'received_at', cutoff))
  loop
    partition_name := table_name;
    if row_count > 0 then return next; end if;
  end loop;
end $$;
