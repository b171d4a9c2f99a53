import { Refusal } from '../refusal.ts'
import type { Reader } from '../stage.ts'
import type { Decimal } from './decimal.ts'
import { limits } from './limits.ts'
import { found, foundItem, notANumber, numbersOf, tooManyDigits } from './number-list.ts'
import { readDecimal } from './read-decimal.ts'
import { readCheaply } from './read-decimals.ts'

/** A list of numbers, exact. @throws {Refusal} 'too-many-digits', and as `count` */
export const decimals: Reader<readonly Decimal[]> = (field) => {
  const doubles = numbersOf(field)
  const source = field.source()
  const cheap = readCheaply(source, doubles)
  if (cheap !== undefined) return cheap
  const tokens = source.slice(1, -1).split(',')
  return tokens.map((token, index) => {
    const number = readDecimal(token.trim(), limits.numberDigits)
    if (number === undefined) throw tooManyDigits(foundItem(field, index), limits.numberDigits)
    return number
  })
}

/** One number, exact: what an earlier stage found. @throws {Refusal} 'not-a-number', 'too-many-digits' */
export const decimal: Reader<Decimal> = (field) => {
  if (typeof field.value !== 'number') throw notANumber(found(field))
  const number = readDecimal(field.source(), limits.resultDigits)
  if (number === undefined) throw tooManyDigits(found(field), limits.resultDigits)
  return number
}

/** One number that has a real square root, exact. @throws {Refusal} 'negative-root', and as `decimal` */
export const radicand: Reader<Decimal> = (field) => {
  const number = decimal(field)
  if (number.coefficient >= 0n) return number
  throw new Refusal('negative-root', `${found(field)}, and a negative number has no real square root.`)
}

/** A list of numbers, each as the nearest double. @throws {Refusal} 'past-double', and as `count` */
export const doubles: Reader<readonly number[]> = (field) => {
  const numbers = numbersOf(field)
  const past = numbers.findIndex((number) => !Number.isFinite(number))
  if (past === -1) return numbers
  const end = 'beyond the range of a double, which ends near 1.8e308'
  throw new Refusal('past-double', `${foundItem(field, past)}, ${end}. Send a smaller number.`)
}

/**
 * How many numbers a list has.
 * @throws {Refusal} 'not-a-list', 'no-numbers', 'too-many-numbers', 'not-a-number'
 */
export const count: Reader<number> = (field) => numbersOf(field).length
