import type { Field } from '../body.ts'
import { itemSpan } from '../json.ts'
import { formatCount, Refusal, shorten } from '../refusal.ts'
import type { Reader } from '../stage.ts'
import type { Decimal } from './decimal.ts'
import { limits } from './limits.ts'
import { readDecimal, readFromDoubles } from './read-decimal.ts'

/** A list of exact numbers. @throws {Refusal} 'too-many-digits', and those of `doublesOf` */
export const decimals: Reader<readonly Decimal[]> = (field) => {
  const doubles = doublesOf(field)
  const source = field.source()
  const fast = readFromDoubles(source, doubles)
  if (fast !== undefined) return fast
  const tokens = source.slice(1, -1).split(',')
  return tokens.map((token, index) => {
    const number = readDecimal(token.trim(), limits.numberDigits)
    if (number === undefined) throw tooManyDigits(quoteItem(field, index), limits.numberDigits)
    return number
  })
}

/** One exact number, such as an earlier stage's result. @throws {Refusal} 'not-a-number', 'too-many-digits' */
export const decimal: Reader<Decimal> = (field) => {
  if (typeof field.value !== 'number') throw notANumber(quote(field))
  const number = readDecimal(field.source(), limits.resultDigits)
  if (number === undefined) throw tooManyDigits(quote(field), limits.resultDigits)
  return number
}

/** One exact number that has a real square root. @throws {Refusal} 'negative-root', and those of `decimal` */
export const radicand: Reader<Decimal> = (field) => {
  const number = decimal(field)
  if (number.coefficient >= 0n) return number
  throw new Refusal('negative-root', `${quote(field)}, and a negative number has no real square root.`)
}

/** A list of numbers, each as the nearest double. @throws {Refusal} 'past-double', and those of `doublesOf` */
export const doubles: Reader<readonly number[]> = (field) => {
  const numbers = doublesOf(field)
  const past = numbers.findIndex((number) => !Number.isFinite(number))
  if (past === -1) return numbers
  const end = 'beyond the range of a double, which ends near 1.8e308'
  throw new Refusal('past-double', `${quoteItem(field, past)}, ${end}. Send a smaller number.`)
}

/** The length of a list of numbers. @throws {Refusal} those of `doublesOf` */
export const count: Reader<number> = (field) => doublesOf(field).length

/**
 * A list of numbers as JSON.parse reads it, Infinity included.
 * @throws {Refusal} 'not-a-list', 'no-numbers', 'too-many-numbers', 'not-a-number'
 */
function doublesOf(field: Field): readonly number[] {
  const { name, value } = field
  if (!Array.isArray(value)) throw new Refusal('not-a-list', `${quote(field)}. Put a list of numbers there.`)
  if (value.length === 0) throw new Refusal('no-numbers', `${name} is empty. Send at least one number.`)
  if (value.length > limits.numbers) {
    const most = `${formatCount(value.length)} numbers, and a list may have ${formatCount(limits.numbers)}`
    throw new Refusal('too-many-numbers', `${name} has ${most}. Send it as several messages.`)
  }
  const other = value.findIndex((item) => typeof item !== 'number')
  if (other !== -1) throw notANumber(quoteItem(field, other))
  return value as readonly number[]
}

function notANumber(quoted: string): Refusal {
  return new Refusal('not-a-number', `${quoted}. Put a number there.`)
}

function tooManyDigits(quoted: string, limit: number): Refusal {
  const most = `more than ${formatCount(limit)} digits when written out without an exponent`
  return new Refusal('too-many-digits', `${quoted}, ${most}. Send a shorter number.`)
}

/** 'sum is "12"': the beginning of an explanation. */
function quote({ name, source }: Field): string {
  return `${name} is ${shorten(source())}`
}

/** 'numbers[3] is null', counted from 0. */
function quoteItem({ name, source }: Field, index: number): string {
  const { start, end } = itemSpan(source(), index)
  return `${name}[${index}] is ${shorten(source().slice(start, end))}`
}
