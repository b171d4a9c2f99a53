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
