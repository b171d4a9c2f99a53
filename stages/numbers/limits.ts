import { formatCount, Refusal } from '../refusal.ts'

/**
 * The largest input. Arithmetic on big numbers blocks the process, so the text is checked before any of it.
 * Digits are those of a number written without an exponent: 1e400 has 401 and 1.5e-7 has 9.
 */
export const limits = {
  /** Numbers in a list. */
  numbers: 10_000,
  /** Digits of one of them. */
  numberDigits: 1_000,
  /** Digits of a result. */
  resultDigits: 100_000,
} as const

/** @throws {Refusal} 'result-too-long' when a result has more digits than it may have */
export function limitDigits(result: string, digits: number): void {
  if (digits <= limits.resultDigits) return
  const most = `more than ${formatCount(limits.resultDigits)} digits, the most that a result may have`
  throw new Refusal('result-too-long', `The ${result} has ${most}. Send fewer or shorter numbers.`)
}
