import { int2s, uuids } from '../../sql/binary-array.ts'
import { select, type Queryable } from '../../sql/database.ts'

/** An attempt of a message. */
export interface Attempt {
  /** 32 hex digits. */
  readonly id: string
  readonly attempt: number
}

/** One step of an attempt, as its row has it. Times in microseconds since the epoch, whole. */
export interface TraceStep {
  readonly stage: string
  /** The topic that the stage reads, and its position; null for a stage that was never in the catalogue. */
  readonly topic: string | null
  readonly position: number | null
  readonly partition: number
  readonly offset: string
  readonly reason: string | null
  readonly explanation: string | null
  readonly traceId: string
  /** The span that sent the message, where it is not the derived one. */
  readonly parentSpanId: string | null
  readonly previousSentAt: number | null
  readonly queuedAt: number
  readonly startedAt: number
  readonly computedAt: number
}

/** The row in `finished`. */
interface FinishedRow {
  readonly partition: number
  readonly offset: string
  readonly sentAt: number
  readonly finishedAt: number
}

/** The rows of an attempt. */
export interface TraceRows extends Attempt {
  /** In the order of the flow; empty when there are no rows. */
  readonly steps: readonly TraceStep[]
  readonly finished: FinishedRow | null
  /** The service that sent the message into the pipeline; null when it was posted by hand. */
  readonly enteredBy: string | null
  /** When the replay was requested; null for the first attempt. */
  readonly replayedAt: number | null
  /** The trace of the first attempt. */
  readonly firstTraceId: string
}

/** A record on a topic, with its append time in microseconds since the epoch. */
export interface SentRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly appendedAt: number
}

/** Microseconds. A double holds them up to the year 2242, so the rounded value is exact. */
const micros = (column: string) => `round(date_part('epoch', ${column}) * 1e6)`

const selectSteps = `
select hex(r.message_id) as id, r.attempt, r.stage, s.topic, s.position, r.partition, r."offset", r.reason, r.explanation,
  r.trace_id as "traceId", r.parent_span_id as "parentSpanId", ${micros('r.previous_sent_at')} as "previousSentAt",
  ${micros('r.queued_at')} as "queuedAt", ${micros('r.started_at')} as "startedAt", ${micros('r.computed_at')} as "computedAt"
from unnest($1::uuid[], $2::smallint[]) as wanted (message_id, attempt)
join results r using (message_id, attempt)
left join stages s on s.name = r.stage`

const selectAttempts = `
select hex(message_id) as id, attempt,
  case when f.partition is not null then json_build_object('partition', f.partition, 'offset', f."offset"::text,
    'sentAt', ${micros('f.sent_at')}, 'finishedAt', ${micros('f.finished_at')}) end as finished,
  case when i.body is not null then coalesce(i.entered_by, 'generator') end as "enteredBy",
  ${micros('p.replayed_at')} as "replayedAt",
  coalesce(case when attempt > 1 then (
    select trace_id from results first where first.message_id = wanted.message_id and first.attempt = 1 limit 1
  ) end, hex(message_id)) as "firstTraceId"
from unnest($1::uuid[], $2::smallint[]) as wanted (message_id, attempt)
left join inputs i using (message_id)
left join finished f using (message_id, attempt)
left join replays p using (message_id, attempt)`

/** The rows of these attempts, in the order in which they are given; an attempt may be given more than once. */
export async function readTraceRows(database: Queryable, attempts: readonly Attempt[]): Promise<TraceRows[]> {
  const wanted = [...new Map(attempts.map((attempt) => [keyOf(attempt), attempt])).values()]
  const values = [uuids(wanted.map(({ id }) => id)), int2s(wanted.map(({ attempt }) => attempt))]
  // One after the other: a message that has finished by the first query has all its steps in the second.
  const about = await database.query<Omit<TraceRows, 'steps'>>({ name: 'trace-attempts', text: selectAttempts, values })
  const steps = await database.query<Attempt & TraceStep>({ name: 'trace-steps', text: selectSteps, values })
  const stepsOf = Map.groupBy(steps.rows, keyOf)
  const rowsOf = new Map(
    about.rows.map((row) => [keyOf(row), { ...row, steps: (stepsOf.get(keyOf(row)) ?? []).toSorted(inOrder) }]),
  )
  return attempts.map((attempt) => rowsOf.get(keyOf(attempt)) as TraceRows)
}

export function keyOf({ id, attempt }: Attempt): string {
  return `${id}/${attempt}`
}

/** The order of the view `steps`: where times are equal, that of the flow. */
function inOrder(one: TraceStep, other: TraceStep): number {
  return one.queuedAt - other.queuedAt || one.computedAt - other.computedAt || (one.position ?? 0) - (other.position ?? 0)
}

/** The attempts of a message that have rows, the first one first. */
export async function readAttempts(database: Queryable, id: string): Promise<Attempt[]> {
  const text = 'select distinct hex(message_id) as id, attempt from results where message_id = $1 order by attempt'
  return await select<Attempt>(database, text, [id])
}
