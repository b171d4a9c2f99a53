/**
 * What a body may ask for. Arithmetic on big numbers blocks the process, so the text is checked before any.
 * Digits are those of a number written out without an exponent: 1e400 has 401 and 1.5e-7 has 9.
 */
export const limits = {
  /** Numbers in a list. */
  numbers: 10_000,
  /** Digits of one of them. */
  numberDigits: 1_000,
  /** Digits of what a stage found. */
  resultDigits: 100_000,
} as const
