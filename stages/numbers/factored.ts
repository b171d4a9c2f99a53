import { decimalOf, type Decimal } from './decimal.ts'
import { absolute, log10, multiplyAll } from './integers.ts'
import { limitDigits, limits } from './limits.ts'

/**
 * A decimal other than 0: rest * 2^twos * 5^fives. Neither 2 nor 5 divides `rest`; the exponents may be negative.
 * Powers of ten are cheap in this form: 1e999 has the rest 1.
 */
export interface Factored {
  readonly rest: bigint
  readonly twos: number
  readonly fives: number
}

export function factored({ coefficient, scale }: Decimal): Factored {
  const [odd, twos] = divideOut(coefficient, 2n)
  const [rest, fives] = divideOut(odd, 5n)
  return { rest, twos: twos - scale, fives: fives - scale }
}

/** All rests * 2^twos * 5^fives, as the result called `name`. @throws {Refusal} 'result-too-long' */
export function unfactored(name: string, rests: readonly bigint[], exponents: Omit<Factored, 'rest'>): Decimal {
  const scale = Math.max(0, -exponents.twos, -exponents.fives)
  const [twos, fives] = [exponents.twos + scale, exponents.fives + scale]
  // 10,000 numbers may have a product of ten million digits, so its logarithm comes first.
  const logarithm = total(rests.map(log10)) + twos * Math.log10(2) + fives * Math.log10(5)
  limitDigits(name, Math.max(scale + 1, logarithm - 1))
  const coefficient = multiplyAll(rests) * 2n ** BigInt(twos) * 5n ** BigInt(fives)
  // Writing the number is slow, so the exact digits are counted only near the limit.
  if (logarithm > limits.resultDigits - 1) limitDigits(name, String(absolute(coefficient)).length)
  return decimalOf(coefficient, scale)
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** Divides by a factor as often as possible. */
function divideOut(value: bigint, factor: bigint): readonly [rest: bigint, times: number] {
  if (value % factor !== 0n) return [value, 0]
  // With squares, a power of 5 with 1,000 digits takes 11 rounds instead of 1,400.
  const [rest, pairs] = divideOut(value / factor, factor * factor)
  return rest % factor === 0n ? [rest / factor, 2 * pairs + 2] : [rest, 2 * pairs + 1]
}
