import { decimalOf, zero, type Decimal } from './decimal.ts'

/** A list in which no number has an exponent or more than 15 characters besides its sign. */
const SHORT_NUMBERS = /^\[(?:\s*-?[\d.]{1,15}\s*[,\]])+$/

/** The digits that survive conversion to a double and back. Source: DBL_DIG in C's float.h, for binary64. */
const DIGITS = 15

/**
 * The exact value of a JSON number.
 * @returns undefined when it has more than `maxDigits` digits, written without an exponent
 */
export function readDecimal(token: string, maxDigits: number): Decimal | undefined {
  const isPlain = token.length <= maxDigits && !token.includes('e') && !token.includes('E')
  if (!isPlain) return readAnyForm(token, maxDigits)
  const point = token.indexOf('.')
  if (point === -1) return decimalOf(BigInt(token), 0)
  return decimalOf(BigInt(token.slice(0, point) + token.slice(point + 1)), token.length - 1 - point)
}

function readAnyForm(token: string, maxDigits: number): Decimal | undefined {
  const [mantissa = '', exponent = '0'] = token.split(/e/i)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = whole + fraction
  const significant = digits.replace(/^-?0*/, '').length
  // The exponent of a zero is ignored: 0e999999 is written as 0.
  const scale = significant === 0 ? fraction.length : fraction.length - Number(exponent)
  const written = Math.max(1, significant - scale) + Math.max(0, scale)
  if (written > maxDigits) return undefined
  return significant === 0 ? zero : decimalOf(BigInt(digits), scale)
}

/**
 * The exact values of a JSON list of numbers, from the doubles that JSON.parse made of it: much faster than
 * reading the text. All get one scale.
 * @returns undefined when the doubles do not determine the exact values
 */
export function readFromDoubles(list: string, doubles: readonly number[]): readonly Decimal[] | undefined {
  if (/[.eE]/.test(list)) return readShort(list, doubles)
  return doubles.every(Number.isSafeInteger) ? doubles.map((value) => decimalOf(BigInt(value), 0)) : undefined
}

/**
 * No two decimals of at most 15 digits have the same nearest double, so a decimal of that length with the
 * right double is the number in the text.
 */
function readShort(list: string, doubles: readonly number[]): readonly Decimal[] | undefined {
  if (!SHORT_NUMBERS.test(list)) return undefined
  for (let scale = 0; scale < DIGITS; scale += 1) {
    const unit = 10 ** scale
    if (doubles.every((double) => Math.round(double * unit) / unit === double)) {
      if (!doubles.every((double) => Math.abs(double * unit) < 10 ** DIGITS)) return undefined
      return doubles.map((double) => decimalOf(BigInt(Math.round(double * unit)), scale))
    }
  }
  return undefined
}
