import { expect, test } from 'vitest'
import { timelineLines } from './timeline.ts'

test('parts are drawn to scale on one axis', () => {
  const lines = timelineLines(
    [
      { label: 'add', boundaries: [1000, 1004, 1005, 1008, 1010] },
      { label: 'multiply', boundaries: [1010, 1010, 1010, 1010, 1030] },
      { label: 'lcm', boundaries: [1030, 1036, 1040, null, null] },
    ],
    50,
  )
  expect(lines).toEqual([
    'add       ····█▒▒▒──',
    'multiply            ────────────────────',
    'lcm                                     ······████',
    '          0                                40.0 ms',
    '          · wait   █ work   ▒ save   ─ publish   one column is 1.00 ms',
  ])
})

test('what is shorter than a column shows as its longest part', () => {
  const lines = timelineLines(
    [
      { label: 'add', boundaries: [0, 0.1, 0.2, 0.5, 0.6] },
      { label: 'lcm', boundaries: [0.6, 1000, 1000, 1000, 1000] },
    ],
    45,
  )
  expect(lines[0]).toBe('add  ▒')
  expect(lines[1]).toBe(`lcm  ${'·'.repeat(40)}`)
})

test('no time, no drawing', () => {
  expect(timelineLines([{ label: 'add', boundaries: [5, 5, 5, null, null] }], 80)).toEqual([])
})
