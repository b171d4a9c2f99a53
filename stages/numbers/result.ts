import { count, Refusal } from '../refusal.ts'
import { absolute, log2, plain, type Decimal } from './decimal.ts'
import { limits } from './limits.ts'

/** The result itself when it is within the limit of a result. @throws {Refusal} 'result-too-long' */
export function checked(what: string, result: Decimal): Decimal {
  // Writing it out takes longer than anything else, and only near the limit is it needed to know.
  if (digitsAtMost(result) <= limits.resultDigits) return result
  if (plain(result).replace(/[-.]/g, '').length <= limits.resultDigits) return result
  throw tooLong(what)
}

function digitsAtMost({ coefficient, scale }: Decimal): number {
  const digits = log2(absolute(coefficient)) * Math.log10(2) + 2
  return scale < 0 ? digits - scale : Math.max(digits, scale + 1)
}

export function tooLong(what: string): Refusal {
  const most = `more than ${count(limits.resultDigits)} digits, the most that a result may have`
  return new Refusal('result-too-long', `The ${what} has ${most}. Send fewer or shorter numbers.`)
}
