import { decimalOf, zero, type Decimal } from './decimal.ts'
import { digitsOf, factored, unfactored } from './factored.ts'
import { log2, multiplyAll } from './integers.ts'
import { checked, limits, tooLong } from './limits.ts'

/** Up to so many numbers within their limit, the product is within its own. */
const FEW = limits.resultDigits / limits.numberDigits

/** The exact product. @throws {Refusal} 'result-too-long' */
export function product(factors: readonly Decimal[]): Decimal {
  if (factors.some(({ coefficient }) => coefficient === 0n)) return zero
  return checked('product', factors.length <= FEW ? productOfFew(factors) : productOfMany(factors))
}

function productOfFew(factors: readonly Decimal[]): Decimal {
  const coefficients = factors.map(({ coefficient }) => coefficient)
  return decimalOf(multiplyAll(coefficients), total(factors.map(({ scale }) => scale)))
}

/** Counts the digits first, powers of ten apart: 10,000 numbers may have a product of ten million digits. */
function productOfMany(factors: readonly Decimal[]): Decimal {
  const parts = factors.map(factored)
  const twos = total(parts.map((part) => part.twos))
  const fives = total(parts.map((part) => part.fives))
  const rests = parts.map(({ rest }) => rest)
  if (digitsOf(total(rests.map(log2)), twos, fives) > limits.resultDigits + 1) throw tooLong('product')
  const { coefficient, scale } = unfactored({ rest: multiplyAll(rests), twos, fives })
  const negatives = factors.filter((factor) => factor.coefficient < 0n).length
  return decimalOf(negatives % 2 === 0 ? coefficient : -coefficient, scale)
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
