import { zero, type Decimal } from './decimal.ts'
import { factored, total, unfactored } from './factored.ts'

/** The exact product. @throws {Refusal} 'result-too-long' */
export function product(factors: readonly Decimal[]): Decimal {
  if (factors.some(({ coefficient }) => coefficient === 0n)) return zero
  const parts = factors.map(factored)
  const rests = parts.map(({ rest }) => rest)
  const exponents = { twos: total(parts.map(({ twos }) => twos)), fives: total(parts.map(({ fives }) => fives)) }
  return unfactored('product', rests, exponents)
}
