import { decimalOf, zero, type Decimal } from './decimal.ts'

/**
 * The exact value of a JSON number.
 * @returns undefined when it has more than `maxDigits` digits, written out without an exponent
 */
export function readDecimal(token: string, maxDigits: number): Decimal | undefined {
  const plain = token.length <= maxDigits && !token.includes('e') && !token.includes('E')
  if (!plain) return readAnyForm(token, maxDigits)
  const point = token.indexOf('.')
  if (point === -1) return decimalOf(BigInt(token), 0)
  return decimalOf(BigInt(token.slice(0, point) + token.slice(point + 1)), token.length - 1 - point)
}

function readAnyForm(token: string, maxDigits: number): Decimal | undefined {
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
