import { decimalOf, zero, type Decimal } from './decimal.ts'
import { factored, total, unfactored } from './factored.ts'
import { multiplyAll } from './integers.ts'
import { limits } from './limits.ts'

/** Up to so many numbers within their limit have a product within its own. */
const FEW = limits.resultDigits / limits.numberDigits

/** The exact product. @throws {Refusal} 'result-too-long' */
export function product(factors: readonly Decimal[]): Decimal {
  if (factors.some(({ coefficient }) => coefficient === 0n)) return zero
  // Factors cost more than digits when there are few.
  if (factors.length <= FEW) {
    const coefficients = factors.map(({ coefficient }) => coefficient)
    return decimalOf(multiplyAll(coefficients), total(factors.map(({ scale }) => scale)))
  }
  const parts = factors.map(factored)
  const rests = parts.map(({ rest }) => rest)
  const exponents = { twos: total(parts.map(({ twos }) => twos)), fives: total(parts.map(({ fives }) => fives)) }
  return unfactored('product', rests, exponents)
}
