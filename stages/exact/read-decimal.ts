import { decimalOf, zero, type Decimal } from './decimal.ts'

/** Any number written with so few characters has a coefficient that a double holds exactly. */
const SHORT = 15

/**
 * The exact value of a JSON number.
 * @returns undefined when it has more than `maxDigits` digits, written out without an exponent
 */
export function readDecimal(token: string, maxDigits: number): Decimal | undefined {
  const short = token.length <= SHORT ? readShort(token) : undefined
  return short ?? readLong(token, maxDigits)
}

/** Digit by digit in a double: several times faster than BigInt from a string. Undefined when there is an exponent. */
function readShort(token: string): Decimal | undefined {
  let coefficient = 0
  let point = token.length - 1
  for (let at = 0; at < token.length; at += 1) {
    const digit = token.charCodeAt(at) - 0x30
    if (digit >= 0 && digit <= 9) coefficient = coefficient * 10 + digit
    else if (token[at] === '.') point = at
    else if (token[at] !== '-') return undefined
  }
  return decimalOf(BigInt(token[0] === '-' ? -coefficient : coefficient), token.length - 1 - point)
}

function readLong(token: string, maxDigits: number): Decimal | undefined {
  const [mantissa = '', exponent = '0'] = token.split(/e/i)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = whole + fraction
  const significant = digits.replace(/^-?0*/, '').length
  // The exponent of a zero says nothing: 0e999999 is written out as 0.
  const scale = significant === 0 ? fraction.length : fraction.length - Number(exponent)
  const written = Math.max(1, significant - scale) + Math.max(0, scale)
  if (written > maxDigits) return undefined
  return significant === 0 ? zero : decimalOf(BigInt(digits), scale)
}
