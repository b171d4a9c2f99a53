import { expect, test } from 'vitest'
import { itemSpan, memberSpan } from './json-span.ts'
import { seededRandom } from './seeded-random.ts'

const random = seededRandom(1)
const below = (limit: number): number => Math.floor(random() * limit)
const oneOf = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value
const several = <Value>(make: () => Value): Value[] => Array.from({ length: below(4) }, make)

const names = ['sum', 'numbers', 'a', ',', ':', '__proto__', 'sum ', '']
const space = (): string => oneOf(['', '', ' ', '\n\t', '\r '])
const word = (): string =>
  oneOf(['1', '-0.50', '1e400', '0E-7', 'true', 'null', '"sum"', '","', '"}"', '"]"', '""'])
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

function cut(text: string, { start, end }: { start: number; end: number }): string {
  return text.slice(start, end)
}

test('what stands at the place of a member is what JSON.parse makes of it', () => {
  let checked = 0
  for (let round = 0; round < 3000; round += 1) {
    const text = space() + object(0) + space()
    const fields = JSON.parse(text) as Record<string, unknown>
    for (const name of Object.keys(fields)) {
      expect(JSON.parse(cut(text, memberSpan(text, name)))).toEqual(fields[name])
      checked += 1
    }
  }
  expect(checked).toBeGreaterThan(2000)
})

test('the cheap way and the sure way find the same', () => {
  for (let round = 0; round < 3000; round += 1) {
    const text = object(0)
    // A backslash anywhere rules the cheap way out.
    const escaped = `{"\\u007A":"\\\\"${/^\{\s*\}$/.test(text) ? '' : ','}${text.slice(1)}`
    for (const name of Object.keys(JSON.parse(text) as object)) {
      expect(cut(escaped, memberSpan(escaped, name))).toBe(cut(text, memberSpan(text, name)))
    }
  }
})

test('what stands at the place of an item is what JSON.parse makes of it', () => {
  for (let round = 0; round < 1000; round += 1) {
    const text = `[${spaced([...several(() => value(1)), value(1)])}]`
    for (const [index, item] of (JSON.parse(text) as unknown[]).entries()) {
      expect(JSON.parse(cut(text, itemSpan(text, index)))).toEqual(item)
    }
  }
})

test('asking for a member that is not there is a mistake, and ends', () => {
  expect(() => memberSpan('{"a":{"sum":1}}', 'b')).toThrow(RangeError)
  expect(() => memberSpan('{}', 'constructor')).toThrow(RangeError)
})
