import type { Field } from '../body.ts'
import { itemSpan } from '../json-span.ts'
import { count, Refusal, shorten } from '../refusal.ts'
import { limits } from './limits.ts'

/** The numbers of a list as JSON.parse reads them. @throws {Refusal} as the reader `count` */
export function numbersOf(field: Field): readonly number[] {
  const { name, value } = field
  if (!Array.isArray(value)) throw new Refusal('not-a-list', `${found(field)}. Put a list of numbers there.`)
  const list: readonly unknown[] = value
  if (list.length === 0) throw new Refusal('no-numbers', `${name} is empty. Send at least one number.`)
  if (list.length > limits.numbers) {
    const most = `${count(list.length)} numbers, and a list may have ${count(limits.numbers)}`
    throw new Refusal('too-many-numbers', `${name} has ${most}. Send it as several messages.`)
  }
  if (list.every(isNumber)) return list
  const other = list.findIndex((item) => !isNumber(item))
  throw notANumber(foundItem(field, other))
}

export function notANumber(whatIsFound: string): Refusal {
  return new Refusal('not-a-number', `${whatIsFound}. Put a number there.`)
}

export function tooManyDigits(whatIsFound: string, limit: number): Refusal {
  const most = `more than ${count(limit)} digits when written out without an exponent`
  return new Refusal('too-many-digits', `${whatIsFound}, ${most}. Send a shorter number.`)
}

/** 'sum is "12"': the beginning of an explanation. */
export function found({ name, source }: Field): string {
  return `${name} is ${shorten(source())}`
}

/** 'numbers[3] is null', counted from 0. */
export function foundItem({ name, source }: Field, index: number): string {
  const list = source()
  const { start, end } = itemSpan(list, index)
  return `${name}[${index}] is ${shorten(list.slice(start, end))}`
}

function isNumber(item: unknown): item is number {
  return typeof item === 'number'
}
