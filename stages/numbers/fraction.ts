import { absolute, type Decimal } from './decimal.ts'

/** above / below, both positive. */
export interface Fraction {
  readonly above: bigint
  readonly below: bigint
}

/** The absolute value of a decimal other than 0. */
export function fractionOf({ coefficient, scale }: Decimal): Fraction {
  return shifted({ above: absolute(coefficient), below: 1n }, 10n, -scale)
}

/** The fraction times base^places. */
export function shifted({ above, below }: Fraction, base: bigint, places: number): Fraction {
  if (places >= 0) return { above: above * base ** BigInt(places), below }
  return { above, below: below * base ** BigInt(-places) }
}
