import { log2, tenTo, type Decimal } from './decimal.ts'
import { rounded, written, type Real, type Rounded } from './rounding.ts'

/** The nearest double to the square root of a number that is not negative, taken of all its digits. */
export function root({ coefficient, scale }: Decimal): Rounded {
  const double = Number(coefficient)
  // IEEE 754 has the processor round the root of a double correctly, and here the double is the number.
  if (scale === 0 && Number.isSafeInteger(double)) return written(Math.sqrt(double))
  return coefficient === 0n ? 0 : exactly(coefficient, scale)
}

function exactly(coefficient: bigint, scale: number): Rounded {
  const above = coefficient * tenTo(Math.max(0, -scale))
  const below = tenTo(Math.max(0, scale))
  const real: Real = {
    log2: (log2(above) - log2(below)) / 2,
    scaled: (up, down) => {
      const square = above * up * up
      const unit = below * down * down
      const whole = integerRoot(square / unit)
      return 2n * whole + (whole * whole * unit === square ? 0n : 1n)
    },
  }
  return rounded(real)
}

/** The largest integer whose square is not above the value. Made for values of up to 200 bits, as `rounded` needs. */
export function integerRoot(value: bigint): bigint {
  if (value < 2n) return value
  const guess = BigInt(Math.floor(Math.sqrt(Number(value))))
  // One of Newton's steps doubles the 52 bits that the guess has right; the rest is off by one.
  let root = (guess + value / guess) >> 1n
  while (root * root > value) root -= 1n
  while ((root + 1n) ** 2n <= value) root += 1n
  return root
}
