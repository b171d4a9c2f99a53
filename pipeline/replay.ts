import type { Database, Queryable } from '../sql/database.ts'
import { carriedHeaders, headersFromText, ownHeaders } from './headers.ts'
import type { Route } from './route.ts'
import type { Sender } from '../kafka/producer.ts'
import { UserError } from '../telemetry/user-error.ts'

/** A record as a stage got it, from the rows. */
interface Received {
  readonly value: Buffer | null
  /** As the rows keep them. */
  readonly headers: string | null
  readonly partition: number
}

/**
 * What a stage got in the latest attempt that came to it: as it died there, as the stage before made it, as it entered, or,
 * of a message posted by hand that the stage had an answer to, with the answer in it, which is replaced.
 */
const receivedBy = `
select value, headers, partition from (
  select attempt, case when reason is not null then 1 when stage = $3 then 2 else 4 end as choice,
    coalesce(record_value, convert_to(body, 'UTF8')) as value, headers, partition
  from results where message_id = $1 and (stage = $2 or stage = $3 and reason is null)
  union all
  select 1, 3, convert_to(body, 'UTF8'), null, partition from inputs
  where message_id = $1 and stage = $2 and body is not null
) known
order by attempt desc, choice limit 1`

const reserve = `
insert into replays (message_id, attempt, stage)
select $1, 1 + greatest(
  1,
  (select max(attempt) from results where message_id = $1),
  (select max(attempt) from replays where message_id = $1)
), $2
on conflict do nothing
returning attempt`

/** The stage at which a message died last; undefined when it never did. */
export async function diedAt(database: Queryable, id: string): Promise<string | undefined> {
  const { rows } = await database.query<{ stage: string }>(
    'select stage from results where message_id = $1 and reason is not null order by attempt desc limit 1',
    [id],
  )
  return rows[0]?.stage
}

export interface Replaying {
  readonly database: Database
  readonly sender: Sender
  readonly route: Route
  /** The stage before; undefined for the first. */
  readonly before: string | undefined
}

/**
 * Sends a message to a stage once more, as the stage got it, in a new attempt. The number is taken before anything is sent:
 * a crash in between leaves a number that is never used.
 * @param id 32 hex digits
 * @returns the number of the attempt, 2 or more
 * @throws {UserError} when the stage never got the message, or the broker refuses it for its size
 */
export async function replay(id: string, { database, sender, route, before }: Replaying): Promise<number> {
  const stage = route.stage.name
  const { rows } = await database.query<Received>(receivedBy, [id, stage, before ?? null])
  const [received] = rows
  if (received === undefined) throw new UserError(`Message ${id} never came to ${stage}.`)
  const attempt = await reserveAttempt(database, id, stage)
  // Without a time of sending: it enters the pipeline here.
  const headers = {
    ...carriedHeaders(headersFromText(received.headers)),
    [ownHeaders.id]: id,
    [ownHeaders.attempt]: String(attempt),
  }
  const record = { partition: received.partition, key: null, value: received.value, headers }
  const [metadata] = await sender.send(route.source, [record])
  if (metadata === undefined) throw new UserError(`The broker refuses message ${id} for its size.`)
  return attempt
}

/** Another replay may take the same number at the same moment: then it is the next one. */
async function reserveAttempt(database: Queryable, id: string, stage: string): Promise<number> {
  for (;;) {
    const { rows } = await database.query<{ attempt: number }>(reserve, [id, stage])
    if (rows[0] !== undefined) return rows[0].attempt
  }
}
