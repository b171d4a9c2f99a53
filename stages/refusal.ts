/**
 * All reasons for which a body has no result, each with its default explanation.
 * Rows, headers and dashboards use the codes, so a code is never renamed.
 */
export const reasons = {
  // The input is malformed
  empty: 'The record is empty. Send a JSON object.',
  'not-utf8': 'The record is not text in UTF-8. Send a JSON object encoded as UTF-8.',
  'not-json': 'The body is not JSON. Send a JSON object.',
  'not-an-object': 'The body is JSON but not an object. Put its values into named fields.',
  'missing-field': 'The body lacks a field that the stage needs. Add it, or send the body to an earlier stage.',
  'not-a-number': 'A number was expected where something else stands.',
  'not-a-list': 'A list of numbers was expected where something else stands.',
  'no-numbers': 'The list of numbers is empty. Send at least one number.',
  // A limit is exceeded
  'too-many-numbers': 'The list has more numbers than a body may have. Send it as several messages.',
  'too-many-digits': 'A number has more digits, written out without an exponent, than a number may have.',
  'too-large': 'With its result the record would be larger than the broker takes. Send a smaller body.',
  // The result does not exist
  'past-double': 'A number is beyond the range of a double, in which this stage computes.',
  'negative-root': 'A negative number has no real square root.',
  'result-too-long': 'The result has more digits than a result may have. Send fewer or shorter numbers.',
  // The stage, what it asks or the database failed
  'stage-failed': "The stage's function failed on this body. This is a mistake in the stage.",
  'result-not-json': "The stage's function returned what JSON cannot hold. This is a mistake in the stage.",
  'gave-up': 'The work for this message failed until its time was over. Replay it when the cause is gone.',
  'rejected-by-database': 'The database does not take the row for what is in it.',
} as const

export type ReasonCode = keyof typeof reasons

/** A body has no result. The message says what to do about it; a retry would fail in the same way. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ReasonCode

  constructor(code: ReasonCode, explanation: string = reasons[code], options?: ErrorOptions) {
    super(explanation, options)
    this.code = code
  }
}

/**
 * The work for a message failed, and trying again may help: a server is away or asks to wait. The message is tried again with
 * growing pauses, and when its time is over it is a dead letter 'gave-up'.
 */
export class Transient extends Error {
  override readonly name = 'Transient'
}

/** The first `length` UTF-16 units of a text, with its full length, for use in a message. */
export function shorten(text: string, length = 60): string {
  if (text.length <= length) return text
  // The cut may split a surrogate pair, and Postgres rejects half of one.
  return `${text.slice(0, length).toWellFormed()}… (${formatCount(text.length)} characters)`
}

/** '1 message', '2 messages'. */
export function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** 100000 as '100,000', independent of the machine's locale. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US')
}
