import { commonScale, decimalOf, type Decimal } from './decimal.ts'

/** The exact sum. */
export function sum(terms: readonly Decimal[]): Decimal {
  const scale = commonScale(terms)
  return scale === undefined ? sumOfManyScales(terms) : decimalOf(total(terms), scale)
}

/** Adds from the smallest scale to the largest, so that each subtotal is shifted only once. */
function sumOfManyScales(terms: readonly Decimal[]): Decimal {
  const byScale = [...Map.groupBy(terms, ({ scale }) => scale)].toSorted(([a], [b]) => a - b)
  const subtotals = byScale.map(([scale, group]) => decimalOf(total(group), scale))
  return subtotals.reduce((coarse, fine) => {
    const shifted = coarse.coefficient * 10n ** BigInt(fine.scale - coarse.scale)
    return decimalOf(shifted + fine.coefficient, fine.scale)
  })
}

function total(terms: readonly Decimal[]): bigint {
  return terms.reduce((whole, { coefficient }) => whole + coefficient, 0n)
}
