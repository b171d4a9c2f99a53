import { rawJson, type RawJson } from '../json.ts'
import { tenTo } from './decimal.ts'

/** A positive real number that can be had to any number of places. */
export interface Real {
  /** Its binary logarithm, good to within 2. */
  readonly log2: number
  /**
   * Twice the whole part of the number * up / down, plus 1 when there is more behind it.
   * That last, sticky bit makes rounding at any place before it come out as if all digits were known.
   */
  readonly scaled: (up: bigint, down: bigint) => bigint
}

/** A number for JSON.stringify: a double, or text where JavaScript would write it badly or has no double for it. */
export type Rounded = number | RawJson

/** From here on JavaScript writes doubles as if all their digits were known, until it changes to exponents at 1e21. */
const READS_AS_EXACT = 1e16

/** The nearest double, ties to even; past the range of doubles a decimal of 17 significant digits, ties to even. */
export function rounded(real: Real, negative = false): Rounded {
  const double = nearestDouble(real)
  if (double > 0 && double < Infinity) return written(negative ? -double : double)
  return rawJson((negative ? '-' : '') + seventeenDigits(real))
}

/** Twice the whole part of above / below, plus the sticky bit. */
export function sticky(above: bigint, below: bigint): bigint {
  return 2n * (above / below) + (above % below === 0n ? 0n : 1n)
}

/** A double that is an approximation, written so that it does not pass for an exact integer. */
export function written(double: number): Rounded {
  return Math.abs(double) < READS_AS_EXACT ? double : rawJson(double.toExponential())
}

/**
 * The nearest double, 0 and Infinity included. Two steps round, and at most one of them has something to round: Number()
 * to 53 bits, then, below 2^-1022 only, the product to a multiple of 2^-1074; the sticky bit keeps them from adding up.
 * Source of the numbers: IEEE 754 binary64; of Number(bigint): ECMAScript, to nearest, ties to even.
 */
function nearestDouble({ log2, scaled }: Real): number {
  const places = Math.min(62 - Math.floor(log2), 1075)
  const bits = places > 0 ? scaled(1n << BigInt(places), 1n) : scaled(1n, 1n << BigInt(-places))
  return (Number(bits) / 4) * 2 ** (1 - places)
}

function seventeenDigits({ log2, scaled }: Real): string {
  const places = 20 - Math.floor(log2 * Math.log10(2))
  const twice = places > 0 ? scaled(tenTo(places), 1n) : scaled(1n, tenTo(-places))
  const surplus = (twice / 2n).toString().length - 17
  const digits = halfEven(twice, 2n * tenTo(surplus)).toString()
  const exponent = digits.length - 1 + surplus - places
  const mantissa = `${digits[0]}.${digits.slice(1)}`.replace(/\.?0*$/, '')
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`
}

/** value / unit, rounded to an integer, ties to even. */
function halfEven(value: bigint, unit: bigint): bigint {
  const down = value / unit
  const twice = (value % unit) * 2n
  const up = twice > unit || (twice === unit && down % 2n === 1n)
  return up ? down + 1n : down
}
