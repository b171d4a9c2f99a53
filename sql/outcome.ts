import type { ReasonCode } from '../stages/refusal.ts'
import type { TracedMessage } from '../telemetry/trace-context.ts'

/** The headers of a record; several with one name are an array. */
export type Headers = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>
type HeaderValue = Buffer | string

/** One record as the pipeline sees it. Times in milliseconds since the epoch. */
export interface Message extends TracedMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Headers
  /** The headers of other producers, which are sent on with the message; undefined for none. */
  readonly forwarded: Headers | undefined
  /** When the previous stage began to publish it; undefined when it entered the pipeline here, posted by hand. */
  readonly sentAt: number | undefined
  /** When the broker had it on the topic where it entered the pipeline. */
  readonly enteredAt: number
  /** When the broker had it on this topic; never before it was sent. */
  readonly queuedAt: number
  /** Milliseconds added to `queuedAt`, because the broker's clock is behind the sender's. */
  readonly skewMs: number
  /** How many of the pipeline's own headers were malformed. */
  readonly badHeaders: number
}

/** What a stage made of a message. Times in milliseconds since the epoch. */
interface Computed {
  readonly message: Message
  readonly startedAt: number
  readonly computedAt: number
  /** Milliseconds added to `startedAt`, because the local clock is behind the broker's. */
  readonly skewMs: number
}

export interface Result extends Computed {
  /** The numbers as they were written, of a message that enters the pipeline here; otherwise, or without numbers, undefined. */
  readonly numbers: string | undefined
  /** The field that the stage added, as JSON. */
  readonly result: string
  /** The whole body with that field, as the next stage gets it. */
  readonly body: string
}

export interface DeadLetter extends Computed {
  readonly reason: ReasonCode
  /** A sentence that a person can act on. */
  readonly explanation: string
}

/** What a stage made of a message: a row of `results`, saved or not. */
export type Outcome = Result | DeadLetter

export function isDeadLetter(outcome: Outcome): outcome is DeadLetter {
  return 'reason' in outcome
}

/** A result as its row has it. */
export type SavedResult = Omit<Result, 'numbers' | 'result'>

/** A result that is on the next topic. */
export interface PublishedResult extends SavedResult {
  /** When its publishing began; never before it was computed. */
  readonly sentAt: number
  /** Milliseconds added to `sentAt`, because the local clock is behind the broker's. */
  readonly sentSkewMs: number
  /** Where the broker appended its record, and when. */
  readonly metadata: { readonly partition: number; readonly offset: bigint; readonly appendedAt: number }
  /** When the broker had it there; never before it was sent. */
  readonly arrivedAt: number
}

/** What rows and counters need of a stage's route. */
export interface StageRoute {
  readonly stage: { readonly name: string }
  /** The topic to which its results go. */
  readonly target: string
  /** The stage before it, or the generator: the parent span of a message is its send span. */
  readonly previous?: string | undefined
}

/** Headers as rows hold them: a JSON object of latin1 strings, which can hold any bytes; null for none. */
export function headersToText(headers: Headers | undefined): string | null {
  return headers === undefined ? null : JSON.stringify(headers, latin1)
}

/** The inverse of {@link headersToText}. */
export function headersFromText(text: string | null): Record<string, Buffer | Buffer[]> {
  const bytes = (value: string) => Buffer.from(value, 'latin1')
  const entries = Object.entries(JSON.parse(text ?? '{}') as Record<string, string | string[]>)
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.map(bytes) : bytes(value)]))
}

// JSON.stringify has called Buffer's toJSON before a replacer sees the value; `this` still has the Buffer.
function latin1(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const raw = this[name]
  return Buffer.isBuffer(raw) ? raw.toString('latin1') : value
}
