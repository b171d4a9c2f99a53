import { rawJson, type RawJson } from '../json.ts'
import { absolute } from './integers.ts'

/** An exact number: coefficient * 10^-scale. 1.5 and 1.50 differ here and are written the same. */
export interface Decimal {
  readonly coefficient: bigint
  /** Digits after the decimal point; negative for zeros before it. */
  readonly scale: number
  /** JSON.stringify writes it with every digit. */
  readonly toJSON: () => RawJson
}

export function decimalOf(coefficient: bigint, scale: number): Decimal {
  return { coefficient, scale, toJSON }
}

export const zero = decimalOf(0n, 0)

function toJSON(this: Decimal): RawJson {
  return rawJson(plain(this))
}

/** The number in plain notation: every digit, no exponent, no trailing zeros after the point, no '-0'. */
export function plain({ coefficient, scale }: Decimal): string {
  if (coefficient === 0n) return '0'
  if (scale <= 0) return String(coefficient) + '0'.repeat(-scale)
  const digits = String(absolute(coefficient)).padStart(scale + 1, '0')
  const point = digits.length - scale
  let end = digits.length
  while (end > point && digits[end - 1] === '0') end -= 1
  const fraction = end > point ? `.${digits.slice(point, end)}` : ''
  return (coefficient < 0n ? '-' : '') + digits.slice(0, point) + fraction
}

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
