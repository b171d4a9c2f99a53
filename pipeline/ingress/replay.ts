import { chunksOf, type OutgoingRecord, type Sender } from '../../kafka/producer.ts'
import type { Database } from '../../sql/database.ts'
import { headersFromText } from '../../sql/outcome.ts'
import { readDeadLetterPages, type DeadLetterFilter } from '../../sql/read-dead-letters.ts'
import { markSent, reserveAttempt, reserveAttempts, selectReceived, withdrawAttempts } from '../../sql/replays.ts'
import type { ReceivedRecord } from '../../sql/replays.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { forwardedHeaders, ownHeaders } from '../headers.ts'
import type { Route } from '../route.ts'

interface Servers {
  readonly database: Database
  readonly sender: Sender
}

/**
 * Sends a message to a stage once more, as the stage got it, in a new attempt. The attempt number is reserved before the record
 * is sent: a crash in between leaves a number that is not used, or that a redrive uses.
 * @param id 32 hex digits
 * @param route of the stage
 * @returns the number of the attempt, 2 or more
 * @throws {UserError} when the stage never got the message, or the broker refuses it for its size
 */
export async function replay(id: string, route: Route, { database, sender }: Servers): Promise<number> {
  const received = await selectReceived(database, id, route)
  if (received === undefined) throw new UserError(`Message ${id} never came to ${route.stage.name}.`)
  const attempt = await reserveAttempt(database, id, route.stage.name)
  const [metadata] = await sender.send(route.source, [recordOf({ ...received, id, attempt })])
  if (metadata === undefined) {
    await withdrawAttempts(database, [{ id, attempt }])
    throw new UserError(`The broker refuses message ${id} for its size.`)
  }
  await markSent(database, [{ id, attempt }])
  return attempt
}

/** Without sent-at: the message enters the pipeline at this stage. */
function recordOf({
  id,
  attempt,
  value,
  headers,
  partition,
}: ReceivedRecord & { id: string; attempt: number }): OutgoingRecord {
  return {
    partition,
    key: null,
    value,
    headers: {
      ...forwardedHeaders(headersFromText(headers)),
      [ownHeaders.id]: id,
      [ownHeaders.attempt]: String(attempt),
    },
  }
}

export interface RedriveFilter extends DeadLetterFilter {
  /** How many to send at most, the oldest first. */
  readonly limit?: number | undefined
}

/** What a redrive would send. */
export interface RedrivePlan {
  readonly filter: RedriveFilter
  readonly count: number
  /** How many by stage and reason. */
  readonly groups: readonly { readonly stage: string; readonly reason: string; readonly count: number }[]
  /** When the first and the last of them died, in milliseconds since the epoch; 0 without any. */
  readonly from: number
  readonly until: number
  /** The limit is reached: there may be more open ones. */
  readonly isLimitReached: boolean
  /** Those that match and are on their way in a new attempt, as far as the limit let it read. */
  readonly inReplay: number
  /** Open ones of stages that the pipeline does not have any more, as far as the limit let it read. */
  readonly withoutStage: number
}

/** Chooses open dead letters, the oldest first, and reads no further than to the limit. @param routes of all stages, by their names */
export async function planRedrive(
  database: Database,
  filter: RedriveFilter,
  routes: ReadonlyMap<string, Route>,
): Promise<RedrivePlan> {
  const { limit = Infinity } = filter
  const groups = new Map<string, { stage: string; reason: string; count: number }>()
  const plan = { filter, count: 0, from: 0, until: 0, isLimitReached: false, inReplay: 0, withoutStage: 0 }
  pages: for await (const letters of readDeadLetterPages(database, filter, 'asc')) {
    for (const { state, stage, reason, diedAt } of letters) {
      if (state === 'in replay') plan.inReplay += 1
      if (state !== 'open') continue
      if (!routes.has(stage)) {
        plan.withoutStage += 1
        continue
      }
      plan.count += 1
      plan.from ||= diedAt
      plan.until = diedAt
      const key = `${stage}/${reason}`
      const group = groups.get(key) ?? { stage, reason, count: 0 }
      group.count += 1
      groups.set(key, group)
      plan.isLimitReached = plan.count >= limit
      if (plan.isLimitReached) break pages
    }
  }
  const position = (stage: string) => routes.get(stage)?.position ?? 0
  const inOrder = [...groups.values()].toSorted(
    (one, other) => position(one.stage) - position(other.stage) || other.count - one.count,
  )
  return { ...plan, groups: inOrder }
}

/** Bytes of the records that are in memory and sent together. */
const MAX_CHUNK_BYTES = 4_194_304

export interface RedriveProgress {
  /** Messages that were sent: fewer than planned where another command has sent some meanwhile. */
  sent: number
  /** The ids of messages that the broker refuses for their size; they stay open. */
  readonly refused: string[]
}

/**
 * Sends the dead letters of a plan to the stages that refused them, each in a new attempt, chunk by chunk: reserves the numbers of
 * a chunk in one statement, sends its records, notes that they are sent. A chunk that fails in between stays reserved; two minutes
 * later its dead letters are open again, and the next redrive sends them under the same numbers.
 * @param progress is counted up after each chunk, also when the next one fails
 * @param signal ends it after the chunk that is being sent
 */
export async function redrive(
  plan: RedrivePlan,
  { database, sender, routes }: Servers & { readonly routes: ReadonlyMap<string, Route> },
  { progress, signal, onChunk }: { progress: RedriveProgress; signal: AbortSignal; onChunk?: () => void },
): Promise<void> {
  let left = plan.count
  // `from` has microseconds, a Date drops them: it is no later than the first of the plan.
  const filter = { ...plan.filter, since: new Date(plan.from) }
  for await (const letters of readDeadLetterPages(database, filter, 'asc')) {
    // Those that have died again meanwhile died later.
    const planned = letters
      .filter(({ state, stage, diedAt }) => state === 'open' && routes.has(stage) && diedAt <= plan.until)
      .slice(0, left)
    left -= planned.length
    for (const chunk of chunksOf(planned, ({ bytes }) => bytes ?? 0, MAX_CHUNK_BYTES)) {
      if (signal.aborted) return
      const reserved = await reserveAttempts(database, chunk)
      for (const [stage, attempts] of Map.groupBy(reserved, (attempt) => attempt.stage)) {
        const metadata = await sender.send(routes.get(stage)?.source ?? '', attempts.map(recordOf))
        const [refused, sent] = [attempts.filter((_, at) => !metadata[at]), attempts.filter((_, at) => metadata[at])]
        await markSent(database, sent)
        await withdrawAttempts(database, refused)
        progress.sent += sent.length
        progress.refused.push(...refused.map(({ id }) => id))
      }
      onChunk?.()
    }
    if (left === 0 || signal.aborted || letters.some(({ diedAt }) => diedAt > plan.until)) return
  }
}
