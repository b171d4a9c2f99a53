import { absolute, decimalOf, type Decimal } from './decimal.ts'

/**
 * The absolute value of a decimal other than 0: rest * 2^twos * 5^fives, where neither 2 nor 5 divides the
 * rest, and the exponents may be negative. Powers of ten are cheap in this form: 1e999 has the rest 1.
 */
export interface Factored {
  readonly rest: bigint
  readonly twos: number
  readonly fives: number
}

export function factored({ coefficient, scale }: Decimal): Factored {
  const [odd, twos] = divideOut(absolute(coefficient), 2n)
  const [rest, fives] = divideOut(odd, 5n)
  return { rest, twos: twos - scale, fives: fives - scale }
}

export function unfactored({ rest, twos, fives }: Factored): Decimal {
  const scale = Math.max(0, -twos, -fives)
  return decimalOf(rest * 2n ** BigInt(twos + scale) * 5n ** BigInt(fives + scale), scale)
}

/** How many digits `unfactored` would have, written out: without computing it, and right to within one. */
export function digitsOf(log2OfRest: number, twos: number, fives: number): number {
  const scale = Math.max(0, -twos, -fives)
  const coefficient = (log2OfRest + twos + scale) * Math.log10(2) + (fives + scale) * Math.log10(5)
  return Math.max(coefficient, scale)
}

/** What is left of a value when it is divided by a factor as often as that goes, and how often it went. */
function divideOut(value: bigint, factor: bigint): readonly [rest: bigint, times: number] {
  if (value % factor !== 0n) return [value, 0]
  // By squares: a power of 5 with 1,000 digits takes 11 rounds and not 1,400.
  const [rest, pairs] = divideOut(value / factor, factor * factor)
  return rest % factor === 0n ? [rest / factor, 2 * pairs + 2] : [rest, 2 * pairs + 1]
}
