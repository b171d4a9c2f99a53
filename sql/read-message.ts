import { milliseconds, select, type Queryable } from './database.ts'

/** One message at one stage. Times are milliseconds since the epoch, with microseconds as decimals. */
export interface Step {
  readonly attempt: number
  /** Null for a stage that was never in the catalogue. */
  readonly position: number | null
  readonly stage: string
  /** 'processed', or the reason of the dead letter. */
  readonly outcome: string
  /** JSON; null for a dead letter. */
  readonly result: string | null
  readonly explanation: string | null
  /** The topic that the stage reads; null for a stage that was never in the catalogue. */
  readonly topic: string | null
  readonly partition: number
  readonly offset: string
  readonly traceId: string
  readonly enteredAt: number
  readonly queuedAt: number
  readonly startedAt: number
  readonly computedAt: number
  /** Both are null until the next stage has saved its row, or the last one the row in `finished`. */
  readonly sentAt: number | null
  readonly nextQueuedAt: number | null
}

/** One pass of a message through the pipeline. */
export interface Attempt {
  readonly attempt: number
  readonly state: 'finished' | 'dead' | 'in flight'
  readonly finishedAt: number | null
  /** The stage to which a replay sent it; null when it entered as a new message. */
  readonly replayedTo: string | null
  /** In the order of the flow; empty when no stage has consumed it yet. */
  readonly steps: readonly Step[]
}

export interface MessageHistory {
  readonly id: string
  /** The first stage, from `inputs`; null when there is no input. */
  readonly enteredFor: string | null
  /** In order. */
  readonly attempts: readonly Attempt[]
}

const finishedOf = `select attempt, ${milliseconds('finished_at')} as "finishedAt" from finished where message_id = $1`

const stepsOf = `
select attempt, position, stage, outcome, result, explanation, topic, partition, "offset", trace_id as "traceId",
  ${milliseconds('entered_at')} as "enteredAt", ${milliseconds('queued_at')} as "queuedAt", ${milliseconds('started_at')} as "startedAt",
  ${milliseconds('computed_at')} as "computedAt", ${milliseconds('sent_at')} as "sentAt", ${milliseconds('next_queued_at')} as "nextQueuedAt"
from steps where message_id = $1
order by attempt, queued_at, position`

/** The rows of one message, by a few look-ups of its id. */
export async function readMessage(database: Queryable, id: string): Promise<MessageHistory> {
  // Before the steps: an attempt that is finished now has all its rows when the steps are read.
  const ends = await select<{ attempt: number; finishedAt: number }>(database, finishedOf, [id])
  const steps = await select<Step>(database, stepsOf, [id])
  const [input] = await select<{ stage: string }>(database, 'select stage from inputs where message_id = $1', [id])
  const replaysOf = 'select attempt, stage from replays where message_id = $1'
  const replays = await select<{ attempt: number; stage: string }>(database, replaysOf, [id])
  const finished = new Map(ends.map(({ attempt, finishedAt }) => [attempt, finishedAt]))
  const replayed = new Map(replays.map(({ attempt, stage }) => [attempt, stage]))
  const stepsBy = Map.groupBy(steps, ({ attempt }) => attempt)
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
  return { id, enteredFor: input?.stage ?? null, attempts }
}

function stateOf(steps: readonly Step[], isFinished: boolean): Attempt['state'] {
  if (isFinished) return 'finished'
  return steps.some(({ outcome }) => outcome !== 'processed') ? 'dead' : 'in flight'
}
