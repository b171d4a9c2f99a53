import { commonScale, decimalOf, tenTo, type Decimal } from './decimal.ts'

/** The exact sum. */
export function sum(terms: readonly Decimal[]): Decimal {
  const scale = commonScale(terms)
  return scale === undefined ? sumOfManyScales(terms) : decimalOf(total(terms), scale)
}

/** From the coarsest scale to the finest: at each the sum so far shifts by the difference, and only once. */
function sumOfManyScales(terms: readonly Decimal[]): Decimal {
  const byScale = Map.groupBy(terms, ({ scale }) => scale)
  const scales = [...byScale.keys()].toSorted((a, b) => a - b)
  const totals = scales.map((scale) => decimalOf(total(byScale.get(scale) ?? []), scale))
  return totals.reduce(plus)
}

function plus(coarse: Decimal, fine: Decimal): Decimal {
  return decimalOf(coarse.coefficient * tenTo(fine.scale - coarse.scale) + fine.coefficient, fine.scale)
}

function total(terms: readonly Decimal[]): bigint {
  return terms.reduce((whole, { coefficient }) => whole + coefficient, 0n)
}
