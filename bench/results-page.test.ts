import { expect, test } from 'vitest'
import type { BenchReport } from './report.ts'
import { resultsPage } from './results-page.ts'

const report: BenchReport = {
  startedAt: '2026-01-02T03:04:05.000Z',
  minutes: 19.6,
  commit: 'abc123',
  command: 'npm run bench',
  machine: {
    processor: 'Processor',
    cores: 2,
    memoryGib: 23.4,
    system: 'Linux 6',
    versions: { Node: 'v24' },
  },
  before: { load: [0.5, 1, 2], busy: 0.012 },
  after: { load: [3, 2, 1], busy: 0.5 },
  parts: [
    {
      part: 'drain',
      about: 'What is measured.',
      columns: [{ key: 'finished', title: 'finished/s' }],
      cases: [{ name: 'untraced', about: 'no traces', rounds: [{ finished: 1 }, { finished: 3 }] }],
      notes: ['A note.'],
      problems: ['sink, round 1: died\nbadly'],
    },
  ],
}

test('the page says where, when and beside what it was measured', () => {
  const page = resultsPage(report)
  expect(page).toContain('- When: 2026-01-02 03:04 UTC, for 20 minutes')
  expect(page).toContain('- Machine: 2 cores of Processor, 23 GiB, Linux 6, Node v24')
  expect(page).toContain(
    '1 % of the processor before it, load 0.50, 1.00, 2.00; 50 % of the processor after it',
  )
})

test('every figure has its spread, the command that makes it again, and what could not be measured', () => {
  const page = resultsPage(report)
  expect(page).toContain('| untraced | 2 (1 to 3) |')
  expect(page).toContain('- untraced: no traces. `npm run bench -- drain --only "untraced"`')
  expect(page).toContain('```\nsink, round 1: died\nbadly\n```')
})
