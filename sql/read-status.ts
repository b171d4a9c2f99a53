import { milliseconds, select, type Queryable } from './database.ts'

/** What the rows say of a stage since the beginning. */
export interface StageTotals {
  /** Messages sent to the topic it reads by the stage before it, whichever that was. */
  readonly arrived: number
  /** Messages that entered the pipeline here. */
  readonly entered: number
  readonly processed: number
  readonly dead: number
  /** Records that came again from another offset and were dropped. */
  readonly duplicates: number
  /** Seconds in which its processes were busy, all together. */
  readonly busy: number
}

/** By the name of the stage, in the order of the flow: sums of a few counters. */
export const readStageTotals = byStage<StageTotals>(`
select stage, arrived::float8, entered::float8, processed::float8, dead::float8, duplicates::float8, busy_seconds as busy
from stage_totals order by position`)

/**
 * How many dead letters of a stage are open, by its name; without any it is absent. Among the latest 10,000 of all stages: with
 * `hasOlder`, which is the same for all, there are older ones, which are not counted.
 */
export const readOpenDeadLetters = byStage<{ readonly open: number; readonly hasOlder: boolean }>(
  'select stage, open::float8, has_older as "hasOlder" from open_dead_letters',
)

/** A function that returns the rows of a query by the name of the stage. */
function byStage<Row>(text: string) {
  return async (database: Queryable): Promise<Map<string, Row>> => {
    const rows = await select<Row & { stage: string }>(database, text)
    return new Map(rows.map(({ stage, ...row }) => [stage, row as Row]))
  }
}

/**
 * All messages since the beginning, including those of stages that were removed. Unsent are those in the outbox: saved by a
 * generator and not sent yet.
 */
export type MessageTotals = Readonly<Record<'entered' | 'finished' | 'dead' | 'duplicates' | 'unsent', number>>

export async function readMessageTotals(database: Queryable): Promise<MessageTotals> {
  const [totals] = await select<MessageTotals>(
    database,
    `select entered::float8, finished::float8, dead::float8, duplicates::float8,
       (select count(*) from outbox)::float8 as unsent
     from message_totals`,
  )
  if (totals === undefined) throw new Error('message_totals has no row')
  return totals
}

/** SQL for a percentile of an interval, in milliseconds to the microsecond. */
function percentile(fraction: number, interval: string): string {
  return `(percentile_cont(${fraction}) within group (order by round(extract(epoch from ${interval}) * 1e6))::bigint / 1e3)::float8`
}

/** Medians in milliseconds. */
interface RecentTimes {
  readonly waitMs: number
  readonly workMs: number
}

/**
 * Results are found by message id, so the messages are selected first: at most 500 of those that entered in the last minute,
 * whose ids begin with the time, and 500 of those that finished in it, which may have entered long before. `offset 0` forces
 * a look-up for each message, where the planner would scan the partitions of all days.
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

/** How long messages waited and were worked on in the last minute, by the name of the stage. */
export const readRecentTimes = byStage<RecentTimes>(recentTimes)

/** Percentiles in milliseconds, from entering the pipeline to being queued on `finish`. */
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

/** Of the newest 5,000 messages of the last minute; null when none has finished in it. */
export async function readEndToEnd(database: Queryable): Promise<EndToEnd | null> {
  const [row] = await select<EndToEnd>(database, endToEnd)
  return row === undefined || row.messages === 0 ? null : row
}

/** The latest sample of the monitor for a stage, or for the tracer. */
export interface LatestSample {
  /** A verdict of monitor/verdict.ts. */
  readonly verdict: string
  readonly sentence: string
  /** Seconds that the oldest record has waited; null when unknown. */
  readonly oldest: number | null
  /** The id of its message, 32 hex digits; null when nothing waits, or when unknown. */
  readonly oldestMessage: string | null
  /** Messages a second. */
  readonly arrivals: number | null
  readonly served: number | null
  /** Seconds until nothing waits at this pace; null also when the backlog grows. */
  readonly drain: number | null
  /** How busy the processes are, 0 to 1. */
  readonly utilisation: number | null
  /** Of the topics; null when the broker did not answer. */
  readonly partitions: number | null
  /** Partitions that are assigned to a process; null when the broker did not answer. */
  readonly assigned: number | null
  /** How many processes the stage wants; null when unknown. */
  readonly wanted: number | null
  /** Messages that wait by the rows and that the broker does not have; null when unknown. */
  readonly missing: number | null
}

/** By the name of the stage, or `tracer`. Empty when no monitor runs: the view then has no time. */
export const readLatestSamples = byStage<LatestSample>(`
select stage, verdict, sentence, oldest_seconds as oldest, oldest_message as "oldestMessage", arrivals_per_second as arrivals,
  served_per_second as served, drain_seconds as drain, utilisation, partitions, partitions_assigned as assigned,
  processes_wanted as wanted, missing::float8
from stage_now
where at is not null`)

/** One notification: an alert fired, or it was resolved. Times are milliseconds since the epoch. */
export interface DeliveredAlert {
  readonly receivedAt: number
  readonly status: 'firing' | 'resolved'
  readonly alert: string
  /** Null when the alert is not about a stage. */
  readonly stage: string | null
  readonly severity: string | null
  readonly summary: string | null
  /** The values of the alert rule's queries, by the names of the queries. */
  readonly values: Readonly<Record<string, number>> | null
  /** The dashboard. */
  readonly url: string | null
  readonly startsAt: number
  /** Null while the alert fires. */
  readonly endsAt: number | null
}

/** The latest notifications, newest first. */
export async function readAlerts(database: Queryable, limit: number): Promise<DeliveredAlert[]> {
  return await select<DeliveredAlert>(
    database,
    `select ${milliseconds('received_at')} as "receivedAt", status, alert, stage, severity, summary, "values", url,
       ${milliseconds('starts_at')} as "startsAt", ${milliseconds('ends_at')} as "endsAt"
     from alert_notifications order by received_at desc, id desc limit $1`,
    [limit],
  )
}
