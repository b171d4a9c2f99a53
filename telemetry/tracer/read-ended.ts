import type { Retry } from '../../pipeline/consumer-process.ts'
import { headerText } from '../../pipeline/headers.ts'
import type { Log } from '../log.ts'
import type { Message } from '../../pipeline/message.ts'
import { sleep } from '../../pipeline/sleep.ts'
import type { Queryable } from '../../sql/database.ts'
import type { KeepRules } from './is-kept.ts'
import { keyOf, readTraceRows, type FinishedRow, type TraceRows } from './trace-rows.ts'

/** A message that came to its end, with its rows. */
export interface Ended {
  readonly message: Message
  readonly rows: TraceRows
}

/** Why a record is not traced: a second one of the same message, or one that the pipeline did not send. */
export type Skipped = 'duplicate' | 'without-rows'

export interface ReadEndedOptions {
  readonly database: Queryable
  readonly log: Log
  readonly rules: KeepRules
  readonly deadLetters: DeadLetterMemory
  readonly signal: AbortSignal
  readonly retry: Retry
}

/** The record of each dead letter that was seen lately: says whether this is the first one of its message. */
export type DeadLetterMemory = (rows: TraceRows, message: Message) => boolean

const REMEMBERED = 10_000

/** No row says where the record of a dead letter is: of two in a short time the first is traced. */
export function createDeadLetterMemory(): DeadLetterMemory {
  const records = new Map<string, string>()
  return (rows, { partition, offset }) => {
    const [key, record] = [keyOf(rows), `${partition}/${offset}`]
    const known = records.get(key)
    if (known !== undefined) return known === record
    const [oldest] = records.keys()
    if (records.size >= REMEMBERED && oldest !== undefined) records.delete(oldest)
    records.set(key, record)
    return true
  }
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1000
const WARN_AFTER_MS = 5000
/** The last stage writes the row at once; a process that took its place may need as long as a group needs to rebalance. */
const GIVE_UP_AFTER_MS = 60_000

/**
 * The rows of messages that came to their end. The record on the last topic comes before its row in `finished`, so a row
 * that is missing is waited for; where it does not come in a minute, the record says what it would have said.
 */
export async function readEnded(
  kept: readonly Message[],
  { database, log, rules, deadLetters, signal, retry }: ReadEndedOptions,
): Promise<{ readonly ended: readonly Ended[]; readonly skipped: ReadonlyMap<Skipped, number> }> {
  const ended: Ended[] = []
  const skipped = new Map<Skipped, number>()
  const begun = performance.now()
  let [missing, hasWarned] = [kept, false]
  for (let pauseMs = FIRST_PAUSE_MS; missing.length > 0; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const asked = missing
    const rows = await retry((using) => using('Postgres', () => readTraceRows(database, asked)))
    const waitedMs = performance.now() - begun
    const left: Message[] = []
    for (const [index, message] of asked.entries()) {
      const one = { message, rows: rows[index] as TraceRows }
      const what = whatIs(one, rules, deadLetters)
      if (what === 'ended') ended.push(one)
      else if (what !== 'unfinished') skipped.set(what, (skipped.get(what) ?? 0) + 1)
      else if (waitedMs < GIVE_UP_AFTER_MS) left.push(message)
      else ended.push({ message, rows: { ...one.rows, finished: finishedBy(message) } })
    }
    missing = left
    const [first] = missing
    if (first === undefined) break
    if (waitedMs > WARN_AFTER_MS && !hasWarned) {
      const { id, offset } = first
      log.warn(
        { messageId: id, offset, messages: missing.length },
        'A finished message has no row in finished yet.',
      )
      hasWarned = true
    }
    await sleep(pauseMs, signal)
    signal.throwIfAborted()
  }
  return { ended, skipped }
}

function whatIs(
  { message, rows }: Ended,
  { deadLetterTopic }: KeepRules,
  isFirstRecord: DeadLetterMemory,
): 'ended' | 'unfinished' | Skipped {
  const { steps, finished } = rows
  const dead = steps.find(({ reason }) => reason !== null)
  if (message.topic === deadLetterTopic) {
    const [, partition, offset] =
      /\/(\d+)\/(\d+)$/.exec(headerText(message.headers, 'dead-letter-source') ?? '') ?? []
    const isOurs = dead !== undefined && String(dead.partition) === partition && dead.offset === offset
    if (!isOurs) return 'without-rows'
    return isFirstRecord(rows, message) ? 'ended' : 'duplicate'
  }
  if (steps.length === 0 || (dead !== undefined && finished === undefined)) return 'without-rows'
  if (finished === undefined) return 'unfinished'
  const isFirst = finished.partition === message.partition && finished.offset === message.offset
  return isFirst ? 'ended' : 'duplicate'
}

/** The row that the last stage would have written for this record. */
function finishedBy({ partition, offset, sentAt, queuedAt }: Message): FinishedRow {
  const micros = (ms: number) => Math.round(ms * 1000)
  return { partition, offset, sentAt: micros(sentAt ?? queuedAt), finishedAt: micros(queuedAt) }
}
