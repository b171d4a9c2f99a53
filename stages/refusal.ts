/**
 * Why a body has no answer: every reason there is, and what it says when nothing more particular is known.
 * Rows, headers and dashboards carry the codes, so a code is never renamed.
 */
export const reasons = {
  // What came in
  empty: 'The record is empty. Send a JSON object.',
  'not-utf8': 'The record is not text in UTF-8. Send a JSON object encoded as UTF-8.',
  'not-json': 'The body is not JSON. Send a JSON object.',
  'not-an-object': 'The body is JSON but not an object. Put its values into named fields.',
  'missing-field':
    'The body lacks a field that the stage needs. Add it, or send the body to an earlier stage.',
  'not-a-number': 'A number was expected where something else stands.',
  'not-a-list': 'A list of numbers was expected where something else stands.',
  'no-numbers': 'The list of numbers is empty. Send at least one number.',
  // What is too much
  'too-many-numbers': 'The list has more numbers than a body may have. Send it as several messages.',
  'too-many-digits': 'A number has more digits, written out without an exponent, than a number may have.',
  'too-large': 'With its result the record would be larger than the broker takes. Send a smaller body.',
  // What has no answer
  'past-double': 'A number is beyond the range of a double, in which this stage computes.',
  'negative-root': 'A negative number has no real square root.',
  'result-too-long': 'The result has more digits than a result may have. Send fewer or shorter numbers.',
  // What went wrong on our side
  'stage-failed': "The stage's function failed on this body. This is a mistake in the stage.",
  'result-not-json': "The stage's function returned what JSON cannot hold. This is a mistake in the stage.",
  'rejected-by-database': 'The database does not take the row for what is in it.',
} as const

export type ReasonCode = keyof typeof reasons

/** "This body has no answer", in a sentence that a person can act on. Trying again would give the same. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ReasonCode

  constructor(code: ReasonCode, explanation: string = reasons[code], options?: ErrorOptions) {
    super(explanation, options)
    this.code = code
  }
}

/** The beginning of a text that may be a megabyte, to be quoted. Lengths are in UTF-16 units. */
export function shorten(text: string, length = 60): string {
  if (text.length <= length) return text
  // The cut may go through a pair of surrogates, and half of one is not text that a database takes.
  return `${text.slice(0, length).toWellFormed()}… (${count(text.length)} characters)`
}

/** 100000 as '100,000', the same on every machine. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}
