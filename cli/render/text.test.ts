import { expect, test } from 'vitest'
import { fit, isoTime, printable, secondTime, tableLines, toJson, wrap } from './text.ts'

test('a body cannot move the cursor, recolour the screen or ring the bell', () => {
  expect(printable('a\u001B[2Jb\u001B[31mc\u0007d\u009Be\r')).toBe('abc\uFFFDd\uFFFDe\uFFFD')
})

test('lines and tabs stay', () => {
  expect(printable('{\n\t"é": "🙂"\n}')).toBe('{\n\t"é": "🙂"\n}')
})

test('what fits stays, what does not ends in an ellipsis', () => {
  expect(fit('12345', 5)).toBe('12345')
  expect(fit('123456', 5)).toBe('1234…')
  expect(fit('one\n  two', 20)).toBe('one two')
})

test('half a character is not left behind', () => {
  expect(fit('ab🙂cd', 4)).toBe('ab\uFFFD…')
})

test('a time keeps its microseconds', () => {
  expect(isoTime(1_763_951_411_123.456)).toBe('2025-11-24T02:30:11.123456Z')
  expect(isoTime(1_763_951_411_000)).toBe('2025-11-24T02:30:11.000000Z')
  expect(isoTime(1_763_951_411_999.9998)).toBe('2025-11-24T02:30:12.000000Z')
})

test('JSON has times to the microsecond, and null for a time that is not known', () => {
  const alert = { at: 3, startsAt: 1_763_951_411_123.456, endsAt: null }
  expect(toJson([alert])).toBe('[{"at":3,"startsAt":"2025-11-24T02:30:11.123456Z","endsAt":null}]')
})

test('a person gets no more than the second', () => {
  expect(secondTime(1_763_951_411_999)).toBe('2025-11-24 02:30:11Z')
})

test('text is wrapped also in a narrow terminal', () => {
  expect(wrap('one two three four\u0007', 10)).toBe('one two\nthree\nfour\uFFFD')
})

const columns = [
  { title: 'stage', shrinks: true, cell: ([stage = '']: readonly string[]) => stage },
  { title: 'done', align: 'right', cell: ([, done = '']: readonly string[]) => done },
] as const

test('columns are as wide as their widest cell, numbers to the right', () => {
  expect(
    tableLines(
      columns,
      [
        ['add', '7'],
        ['multiply', '12,345'],
      ],
      80,
    ),
  ).toEqual(['stage       done', 'add            7', 'multiply  12,345'])
})

test('a column that shrinks gives up what the terminal lacks, but not its title', () => {
  const rows = [['a-very-long-name-of-a-stage', '12,345']]
  expect(tableLines(columns, rows, 20)).toEqual(['stage           done', 'a-very-long…  12,345'])
  expect(tableLines(columns, rows, 3)).toEqual(['stage    done', 'a-ve…  12,345'])
})

test('a table without rows is its titles', () => {
  expect(tableLines(columns, [], 80)).toEqual(['stage  done'])
})
