import type { Database } from '../../sql/database.ts'
import type { Verdict } from '../../monitor/verdict.ts'

export interface Totals {
  readonly processed: number
  readonly dead: number
  /** Came again from another offset, and were dropped. */
  readonly duplicates: number
}

/** What each stage has done since the beginning, by its name: sums of a few counters. */
export async function readTotals(database: Database): Promise<Map<string, Totals>> {
  const { rows } = await database.query<Totals & { stage: string }>(
    'select stage, processed::float8, dead::float8, duplicates::float8 from stage_totals',
  )
  return new Map(rows.map(({ stage, ...totals }) => [stage, totals]))
}

/** All messages since the beginning. */
export interface MessageTotals {
  readonly entered: number
  readonly finished: number
  readonly dead: number
  readonly duplicates: number
}

export async function readMessageTotals(database: Database): Promise<MessageTotals> {
  const { rows } = await database.query<MessageTotals>(
    'select entered::float8, finished::float8, dead::float8, duplicates::float8 from message_totals',
  )
  return rows[0] ?? { entered: 0, finished: 0, dead: 0, duplicates: 0 }
}

/** Of an interval, in milliseconds to the microsecond. */
function percentile(fraction: number, interval: string): string {
  return `(percentile_cont(${fraction}) within group (order by round(extract(epoch from ${interval}) * 1e6))::bigint / 1e3)::float8`
}

/** Medians in milliseconds. */
export interface RecentTimes {
  readonly waitMs: number
  readonly workMs: number
}

/**
 * Results are found by message id, so the messages are chosen first: at most 500 of those that entered in the last minute,
 * whose ids begin with the time, and 500 of those that finished in it, which may have entered long before. `offset 0` keeps
 * it a look-up for each, where the planner would rather read all days.
 */
const recentTimes = `
with recent as (
  (select message_id from inputs
   where message_id > (select uuidv7(interval '-60 seconds')) and message_id < (select uuidv7(interval '60 seconds'))
   order by message_id desc limit 500)
  union
  (select message_id from finished
   where finished_at > now() - interval '60 seconds' order by finished_at desc limit 500)
)
select stage,
  ${percentile(0.5, 'started_at - queued_at')} as "waitMs",
  ${percentile(0.5, 'computed_at - started_at')} as "workMs"
from recent
cross join lateral (select * from results r where r.message_id = recent.message_id and r.reason is null offset 0) r
where computed_at > now() - interval '60 seconds'
group by stage`

/** How long messages waited and were worked on at each stage in the last minute, by the stage's name. */
export async function readRecentTimes(database: Database): Promise<Map<string, RecentTimes>> {
  const { rows } = await database.query<RecentTimes & { stage: string }>(recentTimes)
  return new Map(rows.map(({ stage, ...times }) => [stage, times]))
}

/** Percentiles in milliseconds, from entering to being queued on `finish`. */
export interface EndToEnd {
  /** How many messages they are of. */
  readonly messages: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

const endToEnd = `
select count(*)::int as messages,
  ${percentile(0.5, 'finished_at - entered_at')} as "p50Ms",
  ${percentile(0.95, 'finished_at - entered_at')} as "p95Ms",
  ${percentile(0.99, 'finished_at - entered_at')} as "p99Ms"
from (
  select entered_at, finished_at
  from finished
  where finished_at > now() - interval '60 seconds'
  order by finished_at desc
  limit 5000
) latest`

/** Over the newest 5,000 messages of the last minute; null when none has finished in it. */
export async function readEndToEnd(database: Database): Promise<EndToEnd | null> {
  const { rows } = await database.query<EndToEnd>(endToEnd)
  const [row] = rows
  return row === undefined || row.messages === 0 ? null : row
}

/** What the monitor says of a stage, or of the tracer. */
export interface Opinion {
  readonly verdict: Verdict
  readonly sentence: string
  /** Age of the oldest that waits, in seconds; null when it is not known. */
  readonly oldest: number | null
  /** The id of its message; null when nothing waits, or it is not known. */
  readonly oldestMessage: string | null
  /** Messages a second. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits; null also when it would take for ever. */
  readonly drain: number | null
  /** 0 to 1 */
  readonly utilisation: number | null
  /** Null when the broker could not be asked. */
  readonly partitions: number | null
  /** Partitions that a process has; null likewise. */
  readonly assigned: number | null
  /** Null when it is not known. */
  readonly missing: number | null
}

/** The view has no time when the monitor has said nothing lately. */
const opinions = `
select stage, verdict, sentence, oldest_seconds as oldest, oldest_message as "oldestMessage", arrivals_per_second as arrivals,
  served_per_second as served, drain_seconds as drain, utilisation, partitions, partitions_assigned as assigned,
  missing::float8
from stage_now
where at is not null`

/** What the monitor says now, by the name of the stage, or `tracer`; of none when no monitor runs. */
export async function readOpinions(database: Database): Promise<Map<string, Opinion>> {
  const { rows } = await database.query<Opinion & { stage: string }>(opinions)
  return new Map(rows.map(({ stage, ...opinion }) => [stage, opinion]))
}
