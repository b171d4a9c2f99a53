import { headerText } from '../../pipeline/headers.ts'
import type { Message } from '../../sql/outcome.ts'
import type { Retry } from '../../pipeline/retry.ts'
import type { Queryable } from '../../sql/database.ts'
import type { Log } from '../log.ts'
import { isSlow } from '../trace-context.ts'
import { sleep } from '../wait-until.ts'
import { keyOf, readTraceRows, type TraceRows } from './trace-rows.ts'

/** Which traces are kept besides those that the head decision keeps. */
interface KeepRules {
  readonly deadLetterTopic: string
  /** Seconds from entry to end; 0 for no such rule. */
  readonly slowerThan: number
}

/**
 * The tail decision: a trace is kept when the flag in the message's traceparent says so, when the message is a dead letter, and
 * when it was slow. The record alone decides, so that the rows of all others need not be read.
 */
export function isKept(message: Message, { deadLetterTopic, slowerThan }: KeepRules): boolean {
  if (message.topic === deadLetterTopic || message.parent?.sampled) return true
  return isSlow(message.queuedAt - message.enteredAt, slowerThan)
}

/** A message that reached its end, with its rows. */
interface Ended {
  readonly message: Message
  readonly rows: TraceRows
}

/** Why a record is not traced: a second one of the same message, or one that the pipeline did not send. */
export type Skipped = 'duplicate' | 'without-rows'

export interface ReadEndedOptions {
  readonly database: Queryable
  readonly log: Log
  readonly rules: KeepRules
  readonly isFirstDeadLetter: ReturnType<typeof createDeadLetterFilter>
  readonly signal: AbortSignal
  readonly retry: Retry
  readonly onSkipped: (reason: Skipped, messages: number) => void
}

const MAX_DEAD_LETTERS = 10_000

/**
 * No row has the offset of a dead letter's record, so the filter holds those of the latest dead letters.
 * @returns whether a record is the first of its message
 */
export function createDeadLetterFilter() {
  const records = new Map<string, string>()
  return (rows: TraceRows, { partition, offset }: Message): boolean => {
    const [key, record] = [keyOf(rows), `${partition}/${offset}`]
    const known = records.get(key)
    if (known !== undefined) return known === record
    const [oldest] = records.keys()
    if (records.size >= MAX_DEAD_LETTERS && oldest !== undefined) records.delete(oldest)
    records.set(key, record)
    return true
  }
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1000
const WARN_AFTER_MS = 5000
/** The last stage writes the row at once; if it was killed before that, whenever it runs again. */
const GIVE_UP_AFTER_MS = 900_000

/**
 * Reads the rows of messages that reached their end. The record on the last topic comes before its row in `finished`, so a
 * missing row is waited for. After fifteen minutes without it, the trace is made with what the record itself says.
 */
export async function readEnded(messages: readonly Message[], options: ReadEndedOptions): Promise<Ended[]> {
  const { database, log, signal, retry, onSkipped } = options
  const ended: Ended[] = []
  let [missing, hasWarned] = [messages, false]
  let begun: number | undefined
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const asked = missing
    const rows = await retry((withServer) => withServer('Postgres', () => readTraceRows(database, asked)))
    // From the first answer, so that an outage of Postgres does not count.
    begun ??= performance.now()
    const waitedMs = performance.now() - begun
    const read = asked.map((message, index) => ({ message, rows: rows[index] as TraceRows }))
    const states = Object.groupBy(read, (one) => stateOf(one, options))
    for (const reason of ['duplicate', 'without-rows'] as const) onSkipped(reason, states[reason]?.length ?? 0)
    const { ended: complete = [], unfinished = [] } = states
    ended.push(...complete)
    if (waitedMs >= GIVE_UP_AFTER_MS) return [...ended, ...unfinished.map((one) => finishedByRecord(one, log))]
    missing = unfinished.map(({ message }) => message)
    const [first] = missing
    if (first === undefined) return ended
    if (waitedMs > WARN_AFTER_MS && !hasWarned) {
      const fields = { messageId: first.id, offset: first.offset, messages: missing.length }
      log.warn(fields, 'A finished message has no row in finished yet.')
      hasWarned = true
    }
    await sleep(pauseMs, signal)
    signal.throwIfAborted()
  }
}

function stateOf(
  { message, rows }: Ended,
  { rules, isFirstDeadLetter }: ReadEndedOptions,
): 'ended' | 'unfinished' | Skipped {
  const { steps, finished } = rows
  const dead = steps.find(({ reason }) => reason !== null)
  if (message.topic === rules.deadLetterTopic) {
    const source = headerText(message.headers, 'dead-letter-source') ?? ''
    const isOurs = dead !== undefined && source.endsWith(`/${dead.partition}/${dead.offset}`)
    if (!isOurs) return 'without-rows'
    return isFirstDeadLetter(rows, message) ? 'ended' : 'duplicate'
  }
  if (steps.length === 0 || (dead !== undefined && finished === null)) return 'without-rows'
  if (finished === null) return 'unfinished'
  const isFirst = finished.partition === message.partition && finished.offset === message.offset
  return isFirst ? 'ended' : 'duplicate'
}

/** With the row that the last stage would have written for this record. */
function finishedByRecord({ message, rows }: Ended, log: Log): Ended {
  log.error({ messageId: message.id }, 'The row in finished did not come: its times are those of the record.')
  const { partition, offset, sentAt, queuedAt } = message
  const micros = (ms: number) => Math.round(ms * 1000)
  const finished = { partition, offset, sentAt: micros(sentAt ?? queuedAt), finishedAt: micros(queuedAt) }
  return { message, rows: { ...rows, finished } }
}
