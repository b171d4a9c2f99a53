import { rawJson, type RawJson } from '../json.ts'
import type { Decimal } from './decimal.ts'
import { absolute, integerRoot, log10 } from './integers.ts'

/** A positive real number: above / below, or its square root with degree 2. */
interface Real {
  readonly above: bigint
  readonly below: bigint
  readonly degree: 1 | 2
}

/** A number for JSON.stringify: a double, or JSON text where no double is near or JavaScript writes it badly. */
export type Rounded = number | RawJson

/** The nearest double to dividend / divisor. The divisor is a positive integer. */
export function quotient(dividend: Decimal, divisor: number): Rounded {
  const { coefficient, scale } = dividend
  // IEEE 754 requires the division of two doubles, and below the root of one, to be rounded correctly.
  if (scale === 0 && Number.isSafeInteger(Number(coefficient))) return written(Number(coefficient) / divisor)
  return rounded(dividend, BigInt(divisor), 1)
}

/** The nearest double to the square root of a number that is not negative. */
export function root(radicand: Decimal): Rounded {
  const { coefficient, scale } = radicand
  if (scale === 0 && Number.isSafeInteger(Number(coefficient))) return written(Math.sqrt(Number(coefficient)))
  return rounded(radicand, 1n, 2)
}

/** The nearest double; beyond the range of doubles, the nearest decimal of 17 digits. Ties go to even. */
function rounded({ coefficient, scale }: Decimal, divisor: bigint, degree: Real['degree']): Rounded {
  if (coefficient === 0n) return 0
  const above = absolute(coefficient) * 10n ** BigInt(Math.max(0, -scale))
  const below = divisor * 10n ** BigInt(Math.max(0, scale))
  const logarithm = (log10(above) - log10(below)) / degree
  const double = nearestDouble({ above, below, degree }, logarithm)
  if (double > 0 && double < Infinity) return written(coefficient < 0n ? -double : double)
  return rawJson((coefficient < 0n ? '-' : '') + seventeenDigits({ above, below, degree }, logarithm))
}

/**
 * A rounded double for JSON. JavaScript writes 1e16 to 1e21 as an integer, whose last digits would look exact;
 * these are written with an exponent.
 */
export function written(double: number): Rounded {
  const size = Math.abs(double)
  return size >= 1e16 && size < 1e21 ? rawJson(double.toExponential()) : double
}

/**
 * The nearest double, 0 and Infinity included. Number() rounds to 53 bits; below 2^-1022 the product rounds
 * again, to a multiple of 2^-1074. At most 54 bits are left there, and the sticky bit prevents a double
 * rounding. Source: IEEE 754, binary64; ECMAScript, Number(bigint) goes to the nearest, ties to even.
 */
function nearestDouble(real: Real, logarithm: number): number {
  const places = Math.min(56 - Math.floor(logarithm * Math.log2(10)), 1075)
  return (Number(scaled(real, 2n, places)) / 4) * 2 ** (1 - places)
}

const scientific = new Intl.NumberFormat('en', {
  notation: 'scientific',
  maximumSignificantDigits: 17,
  roundingMode: 'halfEven',
})

function seventeenDigits(real: Real, logarithm: number): string {
  const places = 20 - Math.floor(logarithm)
  const [mantissa, exponent] = scientific.format(scaled(real, 10n, places)).split('E')
  const power = Number(exponent) - places - 1
  return `${mantissa}e${power < 0 ? '' : '+'}${power}`
}

/**
 * The integer part of real * base^places and one more digit: 0 when that is the exact value, otherwise 1.
 * With this last "sticky" digit, rounding at any earlier place comes out as if all digits were known.
 */
function scaled({ above, below, degree }: Real, base: bigint, places: number): bigint {
  const power = base ** BigInt(degree * Math.abs(places))
  const [top, bottom] = places < 0 ? [above, below * power] : [above * power, below]
  const whole = degree === 1 ? top / bottom : integerRoot(top / bottom)
  return base * whole + (whole ** BigInt(degree) * bottom === top ? 0n : 1n)
}
