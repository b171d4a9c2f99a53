import { outermostParts } from '../json.ts'
import { formatCount, Refusal, shorten } from '../refusal.ts'
import type { Field, Reader } from '../stage.ts'
import { decimalOf, readDecimal, type Decimal } from './decimal.ts'
import { limits } from './limits.ts'

/** A list of exact numbers. @throws {Refusal} 'too-many-digits', and those of `doublesOf` */
export const decimals: Reader<readonly Decimal[]> = (field) => {
  const doubles = doublesOf(field)
  // A double is exact for a safe integer. Reading it instead of the text saves 10 us a message.
  if (doubles.every(Number.isSafeInteger) && !/[.eE]/.test(field.source)) {
    return doubles.map((double) => decimalOf(BigInt(double), 0))
  }
  const tokens = field.source.slice(1, -1).split(',')
  return tokens.map((token, index) => exact(`${field.name}[${index}]`, token.trim(), limits.numberDigits))
}

/** One exact number, such as an earlier stage's result. @throws {Refusal} 'not-a-number', 'too-many-digits' */
export const decimal: Reader<Decimal> = (field) => {
  if (typeof field.value !== 'number') throw notANumber(quote(field))
  return exact(field.name, field.source, limits.resultDigits)
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

function exact(name: string, source: string, maxDigits: number): Decimal {
  const number = readDecimal(source, maxDigits)
  if (number !== undefined) return number
  const most = `more than ${formatCount(maxDigits)} digits when written out without an exponent`
  throw new Refusal('too-many-digits', `${name} is ${shorten(source)}, ${most}. Send a shorter number.`)
}

function notANumber(quoted: string): Refusal {
  return new Refusal('not-a-number', `${quoted}. Put a number there.`)
}

/** 'sum is "12"': the beginning of an explanation. */
function quote({ name, source }: Field): string {
  return `${name} is ${shorten(source)}`
}

/** 'numbers[3] is null', counted from 0. */
function quoteItem({ name, source }: Field, index: number): string {
  return `${name}[${index}] is ${shorten(outermostParts(source)[index]?.text ?? '')}`
}
