import { log2, type Decimal } from './decimal.ts'
import { fractionOf, shifted, type Fraction } from './fraction.ts'
import { rounded, written, type Rounded } from './rounding.ts'

/** The nearest double to the square root of a number that is not negative, taken of all its digits. */
export function root(radicand: Decimal): Rounded {
  const double = Number(radicand.coefficient)
  // IEEE 754 has the processor round the root of a double correctly, and here the double is the number.
  if (radicand.scale === 0 && Number.isSafeInteger(double)) return written(Math.sqrt(double))
  return radicand.coefficient === 0n ? 0 : rootOf(fractionOf(radicand))
}

function rootOf(fraction: Fraction): Rounded {
  return rounded({
    log2: (log2(fraction.above) - log2(fraction.below)) / 2,
    scaled: (base, places) => {
      const { above, below } = shifted(fraction, base, 2 * places)
      const whole = integerRoot(above / below)
      return 2n * whole + (whole * whole * below === above ? 0n : 1n)
    },
  })
}

/** The largest integer whose square is not above the value: Newton's steps from the root of its double. */
export function integerRoot(value: bigint): bigint {
  if (value < 2n) return value
  let guess = BigInt(Math.floor(Math.sqrt(Number(value))))
  for (;;) {
    const rest = value - guess * guess
    if (rest >= 0n && rest <= 2n * guess) return guess
    guess = (guess + value / guess) >> 1n
  }
}
