import { count, Refusal } from '../refusal.ts'
import { plain, type Decimal } from './decimal.ts'
import { limits } from './limits.ts'

/** A coefficient below 10^49971 with a scale of at most 50,000 either way has at most 100,000 digits. */
const SURELY_SHORT = 1n << 166_000n
const SURELY_SHORT_BELOW_ZERO = -SURELY_SHORT
const HALF = limits.resultDigits / 2

/** The result itself when it is within the limit of a result. @throws {Refusal} 'result-too-long' */
export function checked(what: string, result: Decimal): Decimal {
  const { coefficient, scale } = result
  const short = coefficient < SURELY_SHORT && coefficient > SURELY_SHORT_BELOW_ZERO && Math.abs(scale) <= HALF
  if (short || digits(result) <= limits.resultDigits) return result
  throw tooLong(what)
}

function digits(number: Decimal): number {
  return plain(number).replace(/[-.]/g, '').length
}

export function tooLong(what: string): Refusal {
  const most = `more than ${count(limits.resultDigits)} digits, the most that a result may have`
  return new Refusal('result-too-long', `The ${what} has ${most}. Send fewer or shorter numbers.`)
}
