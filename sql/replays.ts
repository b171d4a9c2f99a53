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

/** The stage of a message's latest dead letter; undefined when it has none. */
export async function selectStageOfDeath(database: Queryable, id: string): Promise<string | undefined> {
  const [letter] = await select<{ stage: string }>(
    database,
    'select stage from results where message_id = $1 and reason is not null order by attempt desc limit 1',
    [id],
  )
  return letter?.stage
}
