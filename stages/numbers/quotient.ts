import { log2, type Decimal } from './decimal.ts'
import { fractionOf, shifted, type Fraction } from './fraction.ts'
import { rounded, written, type Rounded } from './rounding.ts'

/** The nearest double to dividend / divisor, the divisor a positive integer. */
export function quotient(dividend: Decimal, divisor: number): Rounded {
  if (dividend.coefficient === 0n) return 0
  return ofDoubles(dividend, divisor) ?? ofIntegers(dividend, BigInt(divisor))
}

/** Where both sides are doubles without rounding, the processor's own division rounds correctly. */
function ofDoubles({ coefficient, scale }: Decimal, divisor: number): Rounded | undefined {
  const above = Number(coefficient)
  const below = divisor * 10 ** scale
  const exact = scale >= 0 && Number.isSafeInteger(above) && below <= Number.MAX_SAFE_INTEGER
  return exact ? written(above / below) : undefined
}

function ofIntegers(dividend: Decimal, divisor: bigint): Rounded {
  const { above, below } = fractionOf(dividend)
  const fraction: Fraction = { above, below: below * divisor }
  const real = {
    log2: log2(fraction.above) - log2(fraction.below),
    scaled: (base: bigint, places: number) => {
      const part = shifted(fraction, base, places)
      return 2n * (part.above / part.below) + (part.above % part.below === 0n ? 0n : 1n)
    },
  }
  return rounded(real, dividend.coefficient < 0n)
}
