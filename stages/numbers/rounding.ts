import { rawJson, type RawJson } from '../json.ts'

/** A positive real number that can be had to any number of places. */
export interface Real {
  /** Its binary logarithm, good to within 2. */
  readonly log2: number
  /**
   * Twice the whole part of the number * base^places, plus 1 when there is more behind it.
   * That last, sticky bit makes rounding at any place before it come out as if all digits were known.
   */
  readonly scaled: (base: bigint, places: number) => bigint
}

/** A number for JSON.stringify: a double, or text where there is none or JavaScript would write it badly. */
export type Rounded = number | RawJson

/** The nearest double; past the range of doubles, the nearest decimal of 17 digits. Ties go to even. */
export function rounded(real: Real, negative = false): Rounded {
  const double = nearestDouble(real)
  if (double > 0 && double < Infinity) return written(negative ? -double : double)
  return rawJson((negative ? '-' : '') + seventeenDigits(real))
}

/**
 * A double that stands for a number near it. JavaScript writes one from 1e16 up to 1e21 as an integer, with
 * digits that nobody computed; with an exponent it does not pass for exact.
 */
export function written(double: number): Rounded {
  const size = Math.abs(double)
  return size >= 1e16 && size < 1e21 ? rawJson(double.toExponential()) : double
}

/**
 * The nearest double, 0 and Infinity included. Number() rounds to 53 bits; below 2^-1022 the product rounds
 * again, to a multiple of 2^-1074. At most 54 bits are left there, and the sticky one keeps the two from
 * adding up. Source: IEEE 754, binary64; ECMAScript, Number(bigint) goes to the nearest, ties to even.
 */
function nearestDouble({ log2, scaled }: Real): number {
  const places = Math.min(56 - Math.floor(log2), 1075)
  return (Number(scaled(2n, places)) / 4) * 2 ** (1 - places)
}

function seventeenDigits({ log2, scaled }: Real): string {
  const places = 20 - Math.floor(log2 * Math.log10(2))
  const twice = scaled(10n, places)
  const surplus = (twice / 2n).toString().length - 17
  const digits = halfEven(twice, 2n * 10n ** BigInt(surplus)).toString()
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
