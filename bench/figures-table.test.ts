import { expect, test } from 'vitest'
import { figuresTable } from './figures-table.ts'

const columns = [
  { key: 'speed', title: 'finished/s' },
  { key: 'share', title: 'share', digits: 2 },
  { key: 'absent', title: 'of nobody' },
]

test('a cell is the median with its spread; a column that nobody has is left out', () => {
  const cases = [
    { name: 'fast', about: '', rounds: [{ speed: 9812.4, share: 0.5 }, { speed: 10_100 }, { speed: 9500 }] },
    { name: 'steady', about: '', rounds: [{ speed: 7000 }, { speed: 7000.2 }] },
    { name: 'not run', about: '', rounds: [] },
  ]
  expect(figuresTable({ columns, cases })).toEqual({
    titles: ['', 'finished/s', 'share'],
    rows: [
      ['fast', '9,812 (9,500 to 10,100)', '0.50'],
      ['steady', '7,000', '-'],
    ],
  })
})
