import { decimalOf, type Decimal } from './decimal.ts'

/** A list in which no number has an exponent, or more characters than 15 and a sign. */
const SHORT_NUMBERS = /^\[(?:\s*-?[\d.]{1,15}\s*[,\]])+$/

/** So many digits survive the way into a double and back. Source: DBL_DIG in C's float.h, for binary64. */
const DIGITS = 15

/**
 * The cheap way to the exact values of a JSON list of numbers: from the doubles that JSON.parse made of it.
 * All get one scale.
 * @returns undefined when the doubles do not tell the exact values
 */
export function readCheaply(list: string, doubles: readonly number[]): readonly Decimal[] | undefined {
  return /[.eE]/.test(list) ? readShort(list, doubles) : readIntegers(doubles)
}

/** What is written as an integer and is a safe integer as a double is that integer. */
function readIntegers(doubles: readonly number[]): readonly Decimal[] | undefined {
  if (!doubles.every(Number.isSafeInteger)) return undefined
  return doubles.map((double) => decimalOf(BigInt(double), 0))
}

/**
 * No two decimals of at most 15 digits share a double.
 * So the one that is found to lead to the double of a number in the text is the number in the text.
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
