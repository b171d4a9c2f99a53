import { expect, test } from 'vitest'
import { tableLines } from './table.ts'

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
