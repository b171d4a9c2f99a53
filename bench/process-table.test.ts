import { expect, test } from 'vitest'
import { figuresTable } from './figures-table.ts'
import { processTable } from './process-table.ts'
import type { PartReport } from './report.ts'

const empty = { about: '', columns: [], notes: [], problems: [] }
const drain: PartReport = {
  ...empty,
  part: 'drain',
  cases: [
    {
      name: 'untraced',
      about: '',
      rounds: [
        { addCpu: 20, addMemory: 90 },
        { addCpu: 30, addMemory: 90 },
      ],
    },
    {
      name: 'kept',
      about: '',
      rounds: [{ addCpu: 50, addMemory: 140, TempoCpu: 100, TempoMemory: 500 }],
    },
    { name: 'failed', about: '', rounds: [] },
  ],
}

test('a process has a row, with what it took in each drain', () => {
  const table = processTable([drain])
  const { titles, rows } = figuresTable(table ?? { columns: [], cases: [] })
  expect(titles).toEqual(['', 'untraced: CPU us', 'MB', 'kept: CPU us', 'MB'])
  expect(rows.find(([name]) => name === 'add')).toEqual(['add', '25 (20 to 30)', '90', '50', '140'])
  expect(rows.find(([name]) => name === 'Tempo')).toEqual(['Tempo', '-', '-', '100', '500'])
})

test('without a drain there is no table', () => {
  expect(processTable([{ ...drain, part: 'costs' }])).toBeUndefined()
})
