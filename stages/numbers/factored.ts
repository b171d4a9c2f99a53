import { decimalOf, type Decimal } from './decimal.ts'
import { absolute } from './integers.ts'

/**
 * The absolute value of a decimal other than 0: rest * 2^twos * 5^fives. Neither 2 nor 5 divides `rest`; the
 * exponents may be negative. Powers of ten are cheap in this form: 1e999 has the rest 1.
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

/** The number of digits that the result of `unfactored` has, to within one, without computing it. */
export function digitsOf(log2OfRest: number, twos: number, fives: number): number {
  const scale = Math.max(0, -twos, -fives)
  const coefficient = (log2OfRest + twos + scale) * Math.log10(2) + (fives + scale) * Math.log10(5)
  return Math.max(coefficient, scale)
}

/** Divides by a factor as often as possible. */
function divideOut(value: bigint, factor: bigint): readonly [rest: bigint, times: number] {
  if (value % factor !== 0n) return [value, 0]
  // With squares, a power of 5 with 1,000 digits takes 11 rounds instead of 1,400.
  const [rest, pairs] = divideOut(value / factor, factor * factor)
  return rest % factor === 0n ? [rest / factor, 2 * pairs + 2] : [rest, 2 * pairs + 1]
}
