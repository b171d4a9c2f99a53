import { decimalOf, type Decimal } from './decimal.ts'

/** The exact sum. From the smallest scale to the largest, so that the subtotal is shifted by a few digits at a time. */
export function sum(terms: readonly Decimal[]): Decimal {
  if (terms.every(({ scale }) => scale === 0))
    return decimalOf(
      terms.reduce((total, term) => total + term.coefficient, 0n),
      0,
    )
  return terms
    .toSorted((one, other) => one.scale - other.scale)
    .reduce((coarse, fine) => {
      const shifted = coarse.coefficient * 10n ** BigInt(fine.scale - coarse.scale)
      return decimalOf(shifted + fine.coefficient, fine.scale)
    })
}
