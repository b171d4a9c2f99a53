import type { Database } from './database.ts'

/** One message at one stage. Times in milliseconds since the epoch, microseconds behind the point. */
export interface Step {
  readonly attempt: number
  /** Null for a stage that the catalogue never had. */
  readonly position: number | null
  readonly stage: string
  /** 'processed', or the reason why it has no answer. */
  readonly outcome: string
  /** JSON; null when it has no answer. */
  readonly result: string | null
  readonly explanation: string | null
  /** The topic that the stage reads; null for a stage that the catalogue never had. */
  readonly topic: string | null
  readonly partition: number
  readonly offset: string
  readonly traceId: string
  readonly enteredAt: number
  readonly queuedAt: number
  readonly startedAt: number
  readonly computedAt: number
  /** Null until the next topic's stage, or the finish, has told. */
  readonly sentAt: number | null
  readonly nextQueuedAt: number | null
}

/** One way of a message through the pipeline. */
export interface Attempt {
  readonly attempt: number
  readonly state: 'finished' | 'dead' | 'in flight'
  readonly finishedAt: number | null
  /** The stage to which it was sent once more; null when it entered as a new message. */
  readonly replayedTo: string | null
  /** In the order of the flow; none when no stage has taken it yet. */
  readonly steps: readonly Step[]
}

export interface MessageHistory {
  readonly id: string
  /** The first stage that it was meant for; null when the pipeline has not heard of it. */
  readonly enteredFor: string | null
  /** The first one first. */
  readonly attempts: readonly Attempt[]
}

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`

const finishedOf = `select attempt, ${ms('finished_at')} as "finishedAt" from finished where message_id = $1`

const stepsOf = `
select attempt, position, stage, outcome, result, explanation, topic, partition, "offset", trace_id as "traceId",
  ${ms('entered_at')} as "enteredAt", ${ms('queued_at')} as "queuedAt", ${ms('started_at')} as "startedAt",
  ${ms('computed_at')} as "computedAt", ${ms('sent_at')} as "sentAt", ${ms('next_queued_at')} as "nextQueuedAt"
from steps where message_id = $1
order by attempt, queued_at, position`

/** All that is known of one message: a few look-ups by its id. */
export async function readMessage(database: Database, id: string): Promise<MessageHistory> {
  // This first: an attempt that has finished has all its rows by the time that the steps are read.
  const ends = await database.query<{ attempt: number; finishedAt: number }>(finishedOf, [id])
  const steps = await database.query<Step>(stepsOf, [id])
  const inputs = await database.query<{ stage: string }>('select stage from inputs where message_id = $1', [
    id,
  ])
  const replays = await database.query<{ attempt: number; stage: string }>(
    'select attempt, stage from replays where message_id = $1',
    [id],
  )
  const finished = new Map(ends.rows.map(({ attempt, finishedAt }) => [attempt, finishedAt]))
  const replayed = new Map(replays.rows.map(({ attempt, stage }) => [attempt, stage]))
  const stepsBy = Map.groupBy(steps.rows, ({ attempt }) => attempt)
  const attempts = [...new Set([...stepsBy.keys(), ...replayed.keys()])]
    .toSorted((one, other) => one - other)
    .map((attempt) => {
      const own = stepsBy.get(attempt) ?? []
      return {
        attempt,
        state: stateOf(own, finished.has(attempt)),
        finishedAt: finished.get(attempt) ?? null,
        replayedTo: replayed.get(attempt) ?? null,
        steps: own,
      }
    })
  return { id, enteredFor: inputs.rows[0]?.stage ?? null, attempts }
}

function stateOf(steps: readonly Step[], isFinished: boolean): Attempt['state'] {
  if (isFinished) return 'finished'
  return steps.some(({ outcome }) => outcome !== 'processed') ? 'dead' : 'in flight'
}
