import { rawJson, type RawJson } from '../json.ts'
import type { Decimal } from './decimal.ts'
import { absolute, integerRoot, log2 } from './integers.ts'

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
  if (dividend.coefficient === 0n) return 0
  const ofDoubles = quotientOfDoubles(dividend, divisor)
  if (ofDoubles !== undefined) return ofDoubles
  const { above, below } = fractionOf(dividend)
  return rounded({ above, below: below * BigInt(divisor), degree: 1 }, dividend.coefficient < 0n)
}

/** Where both are doubles without rounding, the processor's own division rounds correctly. */
function quotientOfDoubles({ coefficient, scale }: Decimal, divisor: number): Rounded | undefined {
  const above = Number(coefficient)
  const below = divisor * 10 ** scale
  const exact = scale >= 0 && Number.isSafeInteger(above) && below <= Number.MAX_SAFE_INTEGER
  return exact ? written(above / below) : undefined
}

/** The nearest double to the square root of a number that is not negative. */
export function root(radicand: Decimal): Rounded {
  const { coefficient, scale } = radicand
  const double = Number(coefficient)
  // The double is the exact number here, and IEEE 754 requires its square root to be rounded correctly.
  if (scale === 0 && Number.isSafeInteger(double)) return written(Math.sqrt(double))
  return coefficient === 0n ? 0 : rounded({ ...fractionOf(radicand), degree: 2 })
}

/** The absolute value of a decimal other than 0, as a fraction. */
function fractionOf({ coefficient, scale }: Decimal): { above: bigint; below: bigint } {
  const [above, power] = [absolute(coefficient), 10n ** BigInt(Math.abs(scale))]
  return scale < 0 ? { above: above * power, below: 1n } : { above, below: power }
}

/** The nearest double; beyond the range of doubles, the nearest decimal of 17 digits. Ties go to even. */
function rounded(real: Real, negative = false): Rounded {
  const logarithm = (log2(real.above) - log2(real.below)) / real.degree
  const double = nearestDouble(real, logarithm)
  if (double > 0 && double < Infinity) return written(negative ? -double : double)
  return rawJson((negative ? '-' : '') + seventeenDigits(real, logarithm))
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
  const places = Math.min(56 - Math.floor(logarithm), 1075)
  return (Number(scaled(real, 2n, places)) / 4) * 2 ** (1 - places)
}

function seventeenDigits(real: Real, logarithm: number): string {
  const places = 20 - Math.floor(logarithm * Math.log10(2))
  const twice = scaled(real, 10n, places)
  const surplus = (twice / 2n).toString().length - 17
  const digits = halfEven(twice, 2n * 10n ** BigInt(surplus)).toString()
  const exponent = digits.length - 1 + surplus - places
  const mantissa = `${digits[0]}.${digits.slice(1)}`.replace(/\.?0*$/, '')
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
}

/**
 * Twice the integer part of real * base^places, plus 1 when that is not the exact value.
 * With this last "sticky" bit, rounding at any earlier place comes out as if all digits were known.
 */
function scaled({ above, below, degree }: Real, base: bigint, places: number): bigint {
  const power = base ** BigInt(degree * Math.abs(places))
  const [top, bottom] = places < 0 ? [above, below * power] : [above * power, below]
  const whole = degree === 1 ? top / bottom : integerRoot(top / bottom)
  return 2n * whole + (whole ** BigInt(degree) * bottom === top ? 0n : 1n)
}

/** value / unit, rounded to an integer, ties to even. */
function halfEven(value: bigint, unit: bigint): bigint {
  const down = value / unit
  const twice = (value % unit) * 2n
  const up = twice > unit || (twice === unit && down % 2n === 1n)
  return up ? down + 1n : down
}
