import { int2s, texts, uuids } from './binary-array.ts'
import { select, type Queryable } from './database.ts'
import type { StageRoute } from './outcome.ts'

/** A record as a stage got it, from the rows. */
export interface ReceivedRecord {
  readonly value: Buffer | null
  /** As the rows hold them: see `headersFromText` in outcome.ts. */
  readonly headers: string | null
  readonly partition: number
}

/**
 * What a stage got in the latest attempt that reached it, by preference: the record of its dead letter, the body that the stage
 * before published, the input, or, for a message posted by hand, its own result, whose field the stage replaces.
 */
const received = `
select value, headers, partition from (
  select attempt, case when reason is not null then 1 when stage = $3 then 2 else 4 end as choice,
    coalesce(record_value, convert_to(body, 'UTF8')) as value, headers, partition
  from results where message_id = $1 and (stage = $2 or stage = $3 and reason is null)
  union all
  select 1, 3, convert_to(body, 'UTF8'), null, partition from inputs
  where message_id = $1 and stage = $2 and body is not null
) known
order by attempt desc, choice limit 1`

/**
 * The record that a replay sends; undefined when the stage never got the message.
 */
export async function selectReceived(
  database: Queryable,
  id: string,
  { stage, previous }: StageRoute,
): Promise<ReceivedRecord | undefined> {
  const [record] = await select<ReceivedRecord>(database, received, [id, stage.name, previous])
  return record
}

const reserve = `
insert into replays (message_id, attempt, stage)
select $1, 1 + greatest(
  1,
  (select max(attempt) from results where message_id = $1),
  (select max(attempt) from replays where message_id = $1)
), $2
on conflict do nothing
returning attempt`

/** Reserves the next attempt number of a message, by a unique insert: a concurrent replay makes it try the one after. */
export async function reserveAttempt(database: Queryable, id: string, stage: string): Promise<number> {
  for (;;) {
    const [reserved] = await select<{ attempt: number }>(database, reserve, [id, stage])
    if (reserved !== undefined) return reserved.attempt
  }
}

/** A dead letter by its key. */
interface DeadLetterKey {
  readonly id: string
  readonly attempt: number
  readonly stage: string
}

/** An attempt of a message with the record that it sends. */
interface ReservedAttempt extends DeadLetterKey, ReceivedRecord {}

/**
 * The state is read here again, since another command may have reserved an attempt since. Of several open dead letters of a message
 * the one at the first stage is taken, whose new attempt also passes the later ones. A number that was reserved and not sent is
 * taken again, unless a concurrent statement has just taken it.
 */
const reserveMany = `
with letter as materialized (
  select distinct on (message_id) message_id, stage, record_value, headers, partition, coalesce(
    (select min(p.attempt) from replays p
      where p.message_id = d.message_id and p.attempt > d.attempt and p.stage = d.stage and p.sent_at is null),
    1 + greatest(
      (select max(r.attempt) from results r where r.message_id = d.message_id),
      (select max(p.attempt) from replays p where p.message_id = d.message_id)
    )
  ) as next
  from unnest($1::uuid[], $2::int2[], $3::text[]) as wanted (message_id, attempt, stage)
  join dead_letters d using (message_id, attempt, stage)
  where state = 'open' and d.message_id = any($1::uuid[])
  order by message_id, (select position from stages where name = stage)
), reserved as (
  insert into replays as r (message_id, attempt, stage)
  select message_id, next, stage from letter
  on conflict (message_id, attempt) do update set replayed_at = now()
  where r.sent_at is null and r.stage = excluded.stage and r.replayed_at <= now() - interval '2 minutes'
  returning message_id, attempt
)
select hex(message_id) as id, attempt, stage, record_value as value, headers, partition
from reserved join letter using (message_id)`

/**
 * Reserves an attempt for each of these dead letters that is still open, at the stage that refused it, in one statement. A
 * message has one, also if it has several of these.
 */
export async function reserveAttempts(database: Queryable, letters: readonly DeadLetterKey[]): Promise<ReservedAttempt[]> {
  const values = [
    uuids(letters.map(({ id }) => id)),
    int2s(letters.map(({ attempt }) => attempt)),
    texts(letters.map(({ stage }) => stage)),
  ]
  return await select<ReservedAttempt>(database, reserveMany, values)
}

type AttemptKey = Pick<DeadLetterKey, 'id' | 'attempt'>

const keysOf = (attempts: readonly AttemptKey[]) => [
  uuids(attempts.map(({ id }) => id)),
  int2s(attempts.map(({ attempt }) => attempt)),
]

/** Notes that the broker has the records of these attempts. */
export async function markSent(database: Queryable, attempts: readonly AttemptKey[]): Promise<void> {
  await database.query(
    `update replays r set sent_at = now() from unnest($1::uuid[], $2::int2[]) as sent (message_id, attempt)
     where r.message_id = sent.message_id and r.attempt = sent.attempt`,
    keysOf(attempts),
  )
}

/** Deletes the reservations of attempts that the broker refuses: their dead letters are open again. */
export async function withdrawAttempts(database: Queryable, attempts: readonly AttemptKey[]): Promise<void> {
  await database.query(
    `delete from replays r using unnest($1::uuid[], $2::int2[]) as refused (message_id, attempt)
     where r.message_id = refused.message_id and r.attempt = refused.attempt`,
    keysOf(attempts),
  )
}

/** Gives up the dead letters of a message that are open or in replay. Returns these. */
export async function giveUp(database: Queryable, id: string, note: string): Promise<Omit<DeadLetterKey, 'id'>[]> {
  return await select<Omit<DeadLetterKey, 'id'>>(
    database,
    `insert into resolutions (message_id, attempt, stage, note)
     select message_id, attempt, stage, $2 from dead_letters where message_id = $1 and state in ('open', 'in replay')
     on conflict do nothing
     returning attempt, stage`,
    [id, note],
  )
}

/** The stage of a message's latest dead letter; undefined when it has none. */
export async function selectStageOfDeath(database: Queryable, id: string): Promise<string | undefined> {
  const [letter] = await select<{ stage: string }>(
    database,
    'select stage from results where message_id = $1 and reason is not null order by attempt desc limit 1',
    [id],
  )
  return letter?.stage
}
