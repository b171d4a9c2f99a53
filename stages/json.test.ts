import { expect, test } from 'vitest'
import { memberValue, outermostParts } from './json.ts'
import { seededRandom } from '../test/support/data/random.ts'

const random = seededRandom(1)
const below = (limit: number): number => Math.floor(random() * limit)
const oneOf = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value
const several = <Value>(make: () => Value): Value[] => Array.from({ length: below(4) }, make)

const names = ['sum', 'numbers', 'a', ',', ':', '__proto__', 'sum ', '']
const space = (): string => oneOf(['', '', ' ', '\n\t', '\r '])
const word = (): string => oneOf(['1', '-0.50', '1e400', '0E-7', 'true', 'null', '"sum"', '","', '"}"', '"]"', '""'])
const spaced = (parts: readonly string[]): string => parts.map((part) => space() + part + space()).join(',')

function value(depth: number): string {
  const kind = depth > 2 ? 0 : below(4)
  if (kind === 0) return word()
  if (kind === 1) return `[${spaced(several(() => value(depth + 1))) || space()}]`
  return kind === 2 ? object(depth + 1) : `[${spaced([word(), word()])}]`
}

function object(depth: number): string {
  const member = (): string => `${JSON.stringify(oneOf(names))}${space()}:${space()}${value(depth)}`
  return `{${spaced(several(member)) || space()}}`
}

test('a member has the value that JSON.parse returns', () => {
  let checked = 0
  for (let round = 0; round < 3000; round += 1) {
    const text = space() + object(0) + space()
    const fields = JSON.parse(text) as Record<string, unknown>
    for (const name of Object.keys(fields)) {
      const found = memberValue(text, name)
      expect(JSON.parse(found.text)).toEqual(fields[name])
      expect(text.startsWith(found.text, found.start)).toBe(true)
      checked += 1
    }
  }
  expect(checked).toBeGreaterThan(2000)
})

test('the fast search and reading member by member find the same value', () => {
  for (let round = 0; round < 3000; round += 1) {
    const text = object(0)
    // A backslash anywhere excludes the fast search.
    const escaped = `{"\\u007A":"\\\\"${/^\{\s*\}$/.test(text) ? '' : ','}${text.slice(1)}`
    for (const name of Object.keys(JSON.parse(text) as object)) {
      expect(memberValue(escaped, name).text).toBe(memberValue(text, name).text)
    }
  }
})

test('the parts of a list are the items that JSON.parse returns', () => {
  for (let round = 0; round < 1000; round += 1) {
    const text = `[${spaced([...several(() => value(1)), value(1)])}]`
    expect(outermostParts(text).map((part) => JSON.parse(part.text) as unknown)).toEqual(JSON.parse(text))
  }
})

test('an absent member is a RangeError', () => {
  expect(() => memberValue('{"a":{"sum":1}}', 'b')).toThrow(RangeError)
  expect(() => memberValue('{}', 'constructor')).toThrow(RangeError)
})
