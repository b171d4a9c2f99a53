import { duration } from '../cli/render/duration.ts'
import { count } from '../stages/refusal.ts'
import type { Database } from '../sql/database.ts'

/** What became of the messages of one run. */
export interface DemoOutcome {
  readonly entered: number
  readonly finished: number
  readonly dead: number
  /** End to end, in milliseconds; null when none has finished. */
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  /** From the first that entered to the last that finished; null when none has. */
  readonly seconds: number | null
  /** The one in the middle by its time, or a dead one when none has finished; null when none entered. */
  readonly typicalId: string | null
}

const outcome = `
with own as (
  select i.message_id, f.entered_at, f.finished_at, f.finished_at - f.entered_at as took, d.message_id as dead_id
  from inputs i
  left join finished f on f.message_id = i.message_id and f.attempt = 1
  left join dead_letters d on d.message_id = i.message_id and d.attempt = 1
  where i.message_id >= $1
)
select count(*)::int as entered,
  count(finished_at)::int as finished,
  count(dead_id)::int as dead,
  (extract(epoch from percentile_cont(0.5) within group (order by took)) * 1000)::float8 as "p50Ms",
  (extract(epoch from percentile_cont(0.95) within group (order by took)) * 1000)::float8 as "p95Ms",
  extract(epoch from max(finished_at) - min(entered_at))::float8 as seconds,
  encode(uuid_send((array_agg(message_id order by took))[greatest(1, count(finished_at) / 2)]), 'hex') as "typicalId"
from own`

/** @param since ids begin with the time: the first that this run could have given */
export async function readOutcome(database: Database, since: string): Promise<DemoOutcome> {
  const { rows } = await database.query<DemoOutcome>(outcome, [since])
  const [row] = rows
  if (row === undefined) throw new Error('A sum without a row')
  return row
}

/** How many of the messages that were let in, or should have been, are neither finished nor dead. */
export function missingOf({ entered, finished, dead }: DemoOutcome, messages: number): number {
  return Math.max(messages, entered) - finished - dead
}

export function renderOutcome(result: DemoOutcome, messages: number): string {
  const { entered, finished, dead, p50Ms, p95Ms, seconds } = result
  const missing = missingOf(result, messages)
  return [
    `${count(finished)} of ${count(Math.max(messages, entered))} messages finished, ${count(dead)} dead, ${count(missing)} missing`,
    ...(seconds === null || seconds === 0
      ? []
      : [
          `end to end p50 ${duration(p50Ms)}, p95 ${duration(p95Ms)} (all at once into processes just started)`,
          `${duration(seconds * 1000)} from the first in to the last out, ${rate(finished / seconds)} messages a second`,
        ]),
  ].join('\n')
}

function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : count(Math.round(perSecond))
}
