import { inputField } from './index.ts'

/** The limits of a random body. All four bounds are inclusive. */
export interface Ranges {
  /** The length of the list. */
  readonly countMin: number
  readonly countMax: number
  /** The value of each number. */
  readonly min: number
  readonly max: number
  /** Digits after the decimal point; 0 for integers. */
  readonly decimals: number
}

/**
 * The text of a new body, such as {"numbers":[...]}, for position 0 of the pipeline.
 * All numbers of the range with these decimals are equally likely.
 * @param random returns numbers from 0 up to, not including, 1, like Math.random
 * @throws {RangeError} when the range has no number with these decimals, or more than a double can count
 */
export function randomNumbers(random: () => number, ranges: Ranges): string {
  const { countMin, countMax, min, max, decimals } = ranges
  const between = (low: number, high: number): number => low + Math.floor(random() * (high - low + 1))
  const lowest = Math.ceil(shifted(min, decimals))
  const highest = Math.floor(shifted(max, decimals))
  if (!(lowest <= highest)) throw new RangeError(`no number with ${decimals} decimals from ${min} to ${max}`)
  if (![lowest, highest, highest - lowest + 1].every(Number.isSafeInteger)) {
    throw new RangeError(`${decimals} decimals are too many for numbers from ${min} to ${max}`)
  }
  const draw = (): string => withDecimals(between(lowest, highest), decimals)
  const numbers = Array.from({ length: between(countMin, countMax) }, draw)
  return `{"${inputField}":[${numbers.join(',')}]}`
}

/** value * 10^places without the rounding error of 1.1 * 100, which is 110.00000000000001. */
function shifted(value: number, places: number): number {
  const [digits, exponent = '0'] = String(value).split('e')
  return Number(`${digits}e${Number(exponent) + places}`)
}

/** An integer with its last digits after the decimal point: 1250 with 2 decimals is '12.50'. */
function withDecimals(value: number, decimals: number): string {
  if (decimals === 0) return String(value)
  const digits = String(Math.abs(value)).padStart(decimals + 1, '0')
  return `${value < 0 ? '-' : ''}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}
