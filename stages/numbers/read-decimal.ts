import { decimalOf, zero, type Decimal } from './decimal.ts'

/**
 * The exact value of a JSON number.
 * @returns undefined when it has more than `maxDigits` digits, written without an exponent
 */
export function readDecimal(token: string, maxDigits: number): Decimal | undefined {
  const [mantissa = '', exponent = '0'] = token.split(/e/i)
  const digits = mantissa.replace('.', '')
  const decimals = digits === mantissa ? 0 : mantissa.length - mantissa.indexOf('.') - 1
  const leading = digits.search(/[1-9]/)
  // The exponent of a zero is ignored: 0e999999 is written as 0.
  const [significant, scale] = leading === -1 ? [0, decimals] : [digits.length - leading, decimals - Number(exponent)]
  const written = Math.max(1, significant - scale) + Math.max(0, scale)
  if (written > maxDigits) return undefined
  return significant === 0 ? zero : decimalOf(BigInt(digits), scale)
}
