-- inputs, results and finished are cut into one partition a day, by the time in the message id (UUIDv7), in UTC.
-- Besides the days there are three: ids from before the first day (_past), ids that hold no time of ours, such as a random
-- UUIDv4 (_foreign, from the year 2100 on), and what fits nowhere else, such as a clock that is ahead (_default).
create table inputs_past partition of inputs for values from (minvalue) to (first_id(date_trunc('day', now(), 'UTC')));
create table results_past partition of results for values from (minvalue) to (first_id(date_trunc('day', now(), 'UTC')));
create table finished_past partition of finished for values from (minvalue) to (first_id(date_trunc('day', now(), 'UTC')));
create table inputs_foreign partition of inputs for values from (first_id('2100-01-01 00:00:00Z')) to (maxvalue);
create table results_foreign partition of results for values from (first_id('2100-01-01 00:00:00Z')) to (maxvalue);
create table finished_foreign partition of finished for values from (first_id('2100-01-01 00:00:00Z')) to (maxvalue);
create table inputs_default partition of inputs default;
create table results_default partition of results default;
create table finished_default partition of finished default;

-- The partitions of days, with how many rows Postgres estimates in each.
create view day_partitions as
select parent.relname::text as "table", child.relname::text as name, to_date(right(child.relname, 8), 'YYYYMMDD') as day,
  greatest(child.reltuples, 0)::bigint as estimated_rows
from pg_inherits
join pg_class parent on parent.oid = inhparent
join pg_class child on child.oid = inhrelid
where parent.oid in ('inputs'::regclass, 'results'::regclass, 'finished'::regclass) and child.relname ~ '_\d{8}$';

-- Makes the partition of one day. What the default partition holds of that day moves into it.
-- A table of its own that is attached locks out nothing but writers of the default partition, which is nearly empty.
create function make_day_partition(parent regclass, day date) returns bigint language plpgsql as $$
declare
  child text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
  low uuid := first_id(day::timestamp at time zone 'UTC');
  high uuid := first_id((day + 1)::timestamp at time zone 'UTC');
  columns text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
    where attrelid = parent and attnum > 0 and not attisdropped and attgenerated = ''
  );
  moved bigint;
begin
  execute format('create table %I (like %s including all)', child, parent);
  execute format('lock table %s_default in access exclusive mode', parent);
  execute format(
    'with moved as (delete from %s_default where message_id >= %L and message_id < %L returning %s) insert into %I (%s) select * from moved',
    parent, low, high, columns, child, columns
  );
  get diagnostics moved = row_count;
  execute format('alter table %s attach partition %I for values from (%L) to (%L)', parent, child, low, high);
  return moved;
end $$;

-- Whether a day may go: nothing in it is younger than the cutoff, and no input in it still waits to be sent.
-- A replay writes young rows into an old day, and an input may have waited long for its broker.
create function is_day_expired(day date, cutoff timestamptz) returns boolean language plpgsql as $$
declare
  name text;
  is_young boolean;
begin
  for name in select d.name from day_partitions d where d.day = is_day_expired.day and d."table" = 'results' loop
    execute format('select exists (select from %I where computed_at >= $1)', name) into is_young using cutoff;
    if is_young then return false; end if;
  end loop;
  for name in select d.name from day_partitions d where d.day = is_day_expired.day and d."table" = 'inputs' loop
    execute format(
      'select exists (select from %1$I where published_at >= $1) or exists (select from %1$I where published_at is null)', name
    ) into is_young using cutoff;
    if is_young then return false; end if;
  end loop;
  return true;
end $$;

-- Deletes a page of rows for which the condition holds. $1 in it is the cutoff.
create function delete_page(name text, condition text, cutoff timestamptz) returns bigint language plpgsql as $$
declare
  deleted bigint;
begin
  execute format('delete from %1$I where ctid = any (array(select ctid from %1$I as expired where %2$s limit 5000))', name, condition)
  using cutoff;
  get diagnostics deleted = row_count;
  return deleted;
end $$;

-- Keeps the tables: makes the partitions of today and the days ahead, removes what is older than so many days, and lets the
-- planner know what the parents hold. Returns a row for each thing that it did, with the rows concerned; of a partition that
-- was dropped Postgres's estimate. Each call removes a page of each table and one partition, so that no lock is held for
-- long; call it again as long as it removes something. A lock that is not to be had within a second is left to the next call.
--
-- Rows are kept for longer than topics keep records, so no record can come whose row went before it.
create function keep_partitions(retention_days integer, days_ahead integer default 3)
returns table (action text, name text, row_count bigint) language plpgsql set lock_timeout = '1s' as $$
declare
  today date := (now() at time zone 'UTC')::date;
  cutoff timestamptz := now() - make_interval(days => retention_days);
  parent text;
  coming date;
  suffix text;
  expired record;
begin
  -- Of several calls at once one does the work.
  if not pg_try_advisory_xact_lock(7403121) then return; end if;

  begin
    foreach parent in array array['inputs', 'results', 'finished'] loop
      for coming in select d::date from generate_series(today, today + days_ahead, interval '1 day') d loop
        name := format('%s_%s', parent, to_char(coming, 'YYYYMMDD'));
        continue when to_regclass(name) is not null;
        row_count := make_day_partition(parent::regclass, coming);
        action := 'made';
        return next;
      end loop;
    end loop;
  exception when lock_not_available or deadlock_detected then
    action := 'locked';
    row_count := 0;
    return next;
  end;

  -- Partitions that are no days hold few rows, which go one by one: a message's results first, its input last.
  foreach suffix in array array['past', 'foreign', 'default'] loop
    for name, row_count in values
      ('results_' || suffix, delete_page('results_' || suffix, 'queued_at < $1 and computed_at < $1', cutoff)),
      ('finished_' || suffix, delete_page('finished_' || suffix, 'finished_at < $1', cutoff)),
      ('replays', delete_page('replays', 'replayed_at < $1 and not exists (select from inputs i where i.message_id = expired.message_id)', cutoff)),
      ('inputs_' || suffix, delete_page('inputs_' || suffix,
        'published_at < $1 and not exists (select from results r where r.message_id = expired.message_id)', cutoff))
    loop
      action := 'deleted';
      if row_count > 0 then return next; end if;
    end loop;
  end loop;
  for name, row_count in values
    ('stage_samples', delete_page('stage_samples', 'at < $1', cutoff)),
    ('ledger_samples', delete_page('ledger_samples', 'at < $1', cutoff)),
    ('alert_notifications', delete_page('alert_notifications', 'received_at < $1', cutoff))
  loop
    action := 'deleted';
    if row_count > 0 then return next; end if;
  end loop;

  -- One table of one day: a lock on one parent alone cannot meet a reader that holds another.
  select d.name, d.estimated_rows into expired from day_partitions d
  where d.day < today - retention_days and is_day_expired(d.day, cutoff) order by d.day, d."table" limit 1;
  if found then
    begin
      execute format('drop table %I', expired.name);
      action := 'dropped';
    exception when lock_not_available or deadlock_detected then
      action := 'locked';
    end;
    name := expired.name;
    row_count := expired.estimated_rows;
    return next;
  end if;

  -- Autovacuum analyzes partitions, but never their parents.
  foreach parent in array array['inputs', 'results', 'finished'] loop
    if not exists (select from pg_stat_all_tables where relid = parent::regclass and last_analyze > now() - interval '6 hours') then
      execute format('analyze only %I', parent);
    end if;
  end loop;
end $$;

select keep_partitions(36500);
