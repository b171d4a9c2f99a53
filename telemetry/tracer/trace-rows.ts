import { int2s, uuids } from '../../sql/binary-array.ts'
import type { Queryable } from '../../sql/database.ts'

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
export interface FinishedRow {
  readonly partition: number
  readonly offset: string
  readonly sentAt: number
  readonly finishedAt: number
}

/** The rows of an attempt. */
export interface TraceRows extends Attempt {
  /** In the order of the flow; empty when there are no rows. */
  readonly steps: readonly TraceStep[]
  readonly finished: FinishedRow | undefined
  /** The service that sent the message into the pipeline; undefined when it was posted by hand. */
  readonly enteredBy: string | undefined
  /** When the replay was requested; undefined for the first attempt. */
  readonly replayedAt: number | undefined
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
const time = (column: string, name: string) => `round(date_part('epoch', ${column}) * 1e6) as "${name}"`

const selectSteps = `
select hex(r.message_id) as id, r.attempt, r.stage, s.topic, s.position, r.partition, r."offset", r.reason, r.explanation,
  r.trace_id as "traceId", r.parent_span_id as "parentSpanId", ${time('r.previous_sent_at', 'previousSentAt')},
  ${time('r.queued_at', 'queuedAt')}, ${time('r.started_at', 'startedAt')}, ${time('r.computed_at', 'computedAt')}
from unnest($1::uuid[], $2::smallint[]) as wanted (message_id, attempt)
join results r using (message_id, attempt)
left join stages s on s.name = r.stage`

const selectAttempts = `
select hex(message_id) as id, attempt, f.partition, f."offset", ${time('f.sent_at', 'sentAt')},
  ${time('f.finished_at', 'finishedAt')}, case when i.body is not null then coalesce(i.entered_by, 'generator') end as "enteredBy",
  ${time('p.replayed_at', 'replayedAt')},
  case when attempt > 1 then (
    select trace_id from results first where first.message_id = wanted.message_id and first.attempt = 1 limit 1
  ) end as "firstTraceId"
from unnest($1::uuid[], $2::smallint[]) as wanted (message_id, attempt)
left join inputs i using (message_id)
left join finished f using (message_id, attempt)
left join replays p using (message_id, attempt)`

interface AttemptRow extends Attempt, Omit<FinishedRow, 'partition'> {
  /** Null without a row in `finished`, and then so are offset and times. */
  readonly partition: number | null
  readonly enteredBy: string | null
  readonly replayedAt: number | null
  readonly firstTraceId: string | null
}

/** The rows of these attempts, in the order in which they are given; an attempt may be given more than once. */
export async function readTraceRows(database: Queryable, attempts: readonly Attempt[]): Promise<TraceRows[]> {
  const wanted = [...new Map(attempts.map((attempt) => [keyOf(attempt), attempt])).values()]
  const values = [uuids(wanted.map(({ id }) => id)), int2s(wanted.map(({ attempt }) => attempt))]
  // One after the other: a message that has finished by the first query has all its steps in the second.
  const about = await database.query<AttemptRow>({ name: 'trace-attempts', text: selectAttempts, values })
  const steps = await database.query<Attempt & TraceStep>({ name: 'trace-steps', text: selectSteps, values })
  const stepsOf = Map.groupBy(steps.rows, keyOf)
  const rowOf = new Map(about.rows.map((row) => [keyOf(row), row]))
  return attempts.map(({ id, attempt }) => {
    const key = keyOf({ id, attempt })
    const row = rowOf.get(key)
    return {
      id,
      attempt,
      steps: (stepsOf.get(key) ?? []).toSorted(inOrder),
      finished: finishedOf(row),
      enteredBy: row?.enteredBy ?? undefined,
      replayedAt: row?.replayedAt ?? undefined,
      firstTraceId: row?.firstTraceId ?? id,
    }
  })
}

export function keyOf({ id, attempt }: Attempt): string {
  return `${id}/${attempt}`
}

/** The order of the view `steps`: where times are equal, that of the flow. */
function inOrder(one: TraceStep, other: TraceStep): number {
  return one.queuedAt - other.queuedAt || one.computedAt - other.computedAt || (one.position ?? 0) - (other.position ?? 0)
}

function finishedOf(row: AttemptRow | undefined): FinishedRow | undefined {
  if (row === undefined || row.partition === null) return undefined
  const { partition, offset, sentAt, finishedAt } = row
  return { partition, offset, sentAt, finishedAt }
}

/** The attempts of a message that have rows, the first one first. */
export async function readAttempts(database: Queryable, id: string): Promise<Attempt[]> {
  const text = 'select distinct attempt from results where message_id = $1 order by attempt'
  const { rows } = await database.query<{ attempt: number }>(text, [id])
  return rows.map(({ attempt }) => ({ id, attempt }))
}
