import type { Field } from '../body.ts'
import { count as thousands, Refusal, shorten } from '../refusal.ts'
import type { Reader } from '../stage.ts'
import type { Decimal } from './decimal.ts'
import { limits } from './limits.ts'
import { readDecimal } from './read-decimal.ts'
import { readCheaply } from './read-decimals.ts'

/** A list of numbers, exact. @throws {Refusal} 'too-many-digits', and what `count` throws */
export const decimals: Reader<readonly Decimal[]> = (field) => {
  const doubles = numbersOf(field)
  const source = field.source()
  return (
    readCheaply(source, doubles) ??
    source
      .slice(1, -1)
      .split(',')
      .map((item, index) => {
        const number = readDecimal(item.trim(), limits.numberDigits)
        if (number === undefined)
          throw tooManyDigits(`${field.name}[${index}]`, item.trim(), limits.numberDigits)
        return number
      })
  )
}

/** One number, exact: what a stage before this one found. @throws {Refusal} 'not-a-number', 'too-many-digits' */
export const decimal: Reader<Decimal> = ({ name, value, source }) => {
  if (typeof value !== 'number') throw notANumber(name, value)
  const number = readDecimal(source(), limits.resultDigits)
  if (number === undefined) throw tooManyDigits(name, source(), limits.resultDigits)
  return number
}

/** One number that has a real square root, exact. @throws {Refusal} 'negative-root', and what `decimal` throws */
export const radicand: Reader<Decimal> = (field) => {
  const number = decimal(field)
  if (number.coefficient >= 0n) return number
  const found = shorten(field.source())
  throw new Refusal(
    'negative-root',
    `${field.name} is ${found}, and a negative number has no real square root.`,
  )
}

/** A list of numbers, each as the nearest double. @throws {Refusal} 'past-double', and what `count` throws */
export const doubles: Reader<readonly number[]> = (field) => {
  const numbers = numbersOf(field)
  const past = numbers.findIndex((number) => !Number.isFinite(number))
  if (past === -1) return numbers
  const found = shorten(field.source().slice(1, -1).split(',')[past]?.trim() ?? '')
  const range = 'beyond the range of a double, which ends near 1.8e308'
  throw new Refusal('past-double', `${field.name}[${past}] is ${found}, ${range}. Send a smaller number.`)
}

/**
 * How many numbers a list has.
 * @throws {Refusal} 'not-a-list', 'no-numbers', 'too-many-numbers', 'not-a-number'
 */
export const count: Reader<number> = (field) => numbersOf(field).length

function numbersOf({ name, value }: Field): readonly number[] {
  if (!Array.isArray(value)) throw notAList(name, value)
  const list: readonly unknown[] = value
  if (list.length === 0) throw new Refusal('no-numbers', `${name} is empty. Send at least one number.`)
  if (list.length > limits.numbers) {
    const most = `${thousands(list.length)} numbers, and a list may have ${thousands(limits.numbers)}`
    throw new Refusal('too-many-numbers', `${name} has ${most}. Send it as several messages.`)
  }
  const other = list.findIndex((number) => typeof number !== 'number')
  if (other !== -1) throw notANumber(`${name}[${other}]`, list[other])
  return list as readonly number[]
}

function tooManyDigits(place: string, token: string, limit: number): Refusal {
  const most = `more than ${thousands(limit)} digits when written out without an exponent`
  return new Refusal('too-many-digits', `${place} is ${shorten(token)}: ${most}. Send a shorter number.`)
}

function notANumber(place: string, value: unknown): Refusal {
  return new Refusal('not-a-number', `${place} is ${shorten(JSON.stringify(value))}. Put a number there.`)
}

function notAList(place: string, value: unknown): Refusal {
  return new Refusal(
    'not-a-list',
    `${place} is ${shorten(JSON.stringify(value))}. Put a list of numbers there.`,
  )
}
