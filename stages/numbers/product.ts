import { decimalOf, log2, zero, type Decimal } from './decimal.ts'
import { digitsOf, factored, unfactored } from './factored.ts'
import { limits } from './limits.ts'
import { multiplied } from './multiplied.ts'
import { checked, tooLong } from './result.ts'

/** With no more factors than this a product of numbers within their limit is within its own. */
const FEW = limits.resultDigits / limits.numberDigits

/** The exact product. @throws {Refusal} 'result-too-long' */
export function product(factors: readonly Decimal[]): Decimal {
  if (factors.some(({ coefficient }) => coefficient === 0n)) return zero
  return checked('product', factors.length <= FEW ? productOfFew(factors) : productOfMany(factors))
}

function productOfFew(factors: readonly Decimal[]): Decimal {
  const coefficients = factors.map(({ coefficient }) => coefficient)
  return decimalOf(multiplied(coefficients), total(factors.map(({ scale }) => scale)))
}

/** Powers of ten are set apart and the digits counted first: 10,000 numbers may have ten million digits. */
function productOfMany(factors: readonly Decimal[]): Decimal {
  const parts = factors.map(factored)
  const twos = total(parts.map((part) => part.twos))
  const fives = total(parts.map((part) => part.fives))
  const rests = parts.map(({ rest }) => rest)
  if (digitsOf(total(rests.map(log2)), twos, fives) > limits.resultDigits + 1) throw tooLong('product')
  const { coefficient, scale } = unfactored({ rest: multiplied(rests), twos, fives })
  const negatives = factors.filter((factor) => factor.coefficient < 0n).length
  return decimalOf(negatives % 2 === 0 ? coefficient : -coefficient, scale)
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
