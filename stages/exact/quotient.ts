import { absolute, log2, tenTo, type Decimal } from './decimal.ts'
import { rounded, sticky, written, type Real, type Rounded } from './rounding.ts'

/** The nearest double to dividend / divisor, a positive integer; `rounded` says what it is past the range of doubles. */
export function quotient(dividend: Decimal, divisor: number): Rounded {
  return ofDoubles(dividend, divisor) ?? exactly(dividend, divisor)
}

/** Where both sides are doubles without rounding, the processor's own division is the correctly rounded one. */
function ofDoubles({ coefficient, scale }: Decimal, divisor: number): Rounded | undefined {
  const above = Number(coefficient)
  const below = divisor * 10 ** scale
  const bothExact = scale >= 0 && Number.isSafeInteger(above) && below <= Number.MAX_SAFE_INTEGER
  return bothExact ? written(above / below) : undefined
}

function exactly({ coefficient, scale }: Decimal, divisor: number): Rounded {
  if (coefficient === 0n) return 0
  const above = absolute(coefficient) * tenTo(Math.max(0, -scale))
  const below = BigInt(divisor) * tenTo(Math.max(0, scale))
  const real: Real = {
    log2: log2(above) - log2(below),
    scaled: (up, down) => sticky(above * up, below * down),
  }
  return rounded(real, coefficient < 0n)
}
