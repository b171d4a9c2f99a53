import { formatCount, Refusal } from '../refusal.ts'
import { plain, type Decimal } from './decimal.ts'
import { absolute, log2 } from './integers.ts'

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

/** Returns the result when it is within the limit. @throws {Refusal} 'result-too-long' */
export function checked(what: string, result: Decimal): Decimal {
  // Writing the number is slower than everything else here, so it is done only near the limit.
  if (maxDigits(result) <= limits.resultDigits) return result
  if (plain(result).replace(/[-.]/g, '').length <= limits.resultDigits) return result
  throw tooLong(what)
}

function maxDigits({ coefficient, scale }: Decimal): number {
  const digits = log2(absolute(coefficient)) * Math.log10(2) + 2
  return scale < 0 ? digits - scale : Math.max(digits, scale + 1)
}

export function tooLong(what: string): Refusal {
  const most = `more than ${formatCount(limits.resultDigits)} digits, the most that a result may have`
  return new Refusal('result-too-long', `The ${what} has ${most}. Send fewer or shorter numbers.`)
}
