import { decimalOf, tenTo, type Decimal } from './decimal.ts'

/** The exact sum. */
export function sum(terms: readonly Decimal[]): Decimal {
  const totals = new Map<number, bigint>()
  for (const { coefficient, scale } of terms) totals.set(scale, (totals.get(scale) ?? 0n) + coefficient)
  // From the coarsest scale to the finest, so that each step shifts by the difference only.
  const scales = [...totals.keys()].toSorted((a, b) => a - b)
  return scales.map((scale) => decimalOf(totals.get(scale) ?? 0n, scale)).reduce(plus)
}

function plus(coarse: Decimal, fine: Decimal): Decimal {
  return decimalOf(coarse.coefficient * tenTo(fine.scale - coarse.scale) + fine.coefficient, fine.scale)
}
