import { expect, test } from 'vitest'
import { sectionOf, withSection } from './results-page.ts'
import type { Case, Figures, Goal, Measured } from './suite.ts'

const provenance = {
  startedAt: '2026-01-02T03:04:05.000Z',
  commit: 'abc123',
  machine: '2 cores of Processor, Node v24',
  command: 'npm run bench -- drain',
  load: 0.852,
}

const caseOf = (name: string, rounds: readonly Figures[]): Case => ({ name, about: 'a case', rounds })

function section(measured: Partial<Measured>, goals: readonly Goal[] = [], isForPage = false): string {
  const suite = { name: 'drain', about: 'What is measured.', goals }
  const all = { tables: [], cases: [], notes: [], problems: [], ...measured }
  return sectionOf({ suite, measured: all, ...provenance }, isForPage)
}

test('a section says when, at which commit, by which command and on which machine it was measured', () => {
  expect(section({})).toBe(
    '## drain\n\nWhat is measured.\n\nMeasured 2026-01-02 03:04 UTC at commit abc123 by `npm run bench -- drain`: ' +
      '2 cores of Processor, Node v24; load 0.85 before.',
  )
})

test('a cell is the median with its range; a column without figures and a case without rounds are left out', () => {
  const columns = { speed: 'finished/s', share: 'share', absent: 'absent' }
  const cases = [
    caseOf('fast', [{ speed: 9812.4, share: 0.5 }, { speed: 10_100 }, { speed: 9500 }]),
    caseOf('steady', [{ speed: 7000 }, { speed: 7000.2 }]),
    caseOf('two rounds', [
      { speed: 11, share: 1 },
      { speed: 10, share: 2 },
    ]),
    caseOf('not run', []),
  ]
  expect(section({ tables: [{ columns }], cases })).toContain(
    [
      '|            |              finished/s |        share |',
      '| ---------- | ----------------------: | -----------: |',
      '| fast       | 9,812 (9,500 to 10,100) |          0.5 |',
      '| steady     |                   7,000 |            - |',
      '| two rounds |         10.5 (10 to 11) | 1.5 (1 to 2) |',
    ].join('\n'),
  )
})

test('a section has several tables, each with a title, and says what could not be measured', () => {
  const columns = { addCpu: 'add' }
  const cases = [caseOf('untraced', [{ addCpu: 20 }, { addCpu: 30 }]), caseOf('kept', [{ addCpu: 50 }])]
  const text = section({
    tables: [
      { title: 'CPU us', columns },
      { title: 'first', columns, rowsOnPage: 1 },
    ],
    cases,
    notes: ['A note.'],
    problems: ['sink, round 1: died\nbadly'],
  })
  expect(text).toContain('| CPU us   |           add |\n')
  expect(text).toContain('| kept     |            50 |\n')
  expect(text).toContain('untraced: a case; kept: a case.')
  expect(text).toContain('A note.')
  expect(text).toContain('Not measured:\n\n```\nsink, round 1: died\nbadly\n```')
})

test('on the page a table has some of its rows, or is left out', () => {
  const columns = { addCpu: 'add' }
  const cases = [caseOf('untraced', [{ addCpu: 20 }]), caseOf('kept', [{ addCpu: 50 }])]
  const tables = [
    { title: 'first', columns, rowsOnPage: 1 },
    { title: 'second', columns, rowsOnPage: 0 },
  ]
  expect(section({ tables, cases }, [], true)).toMatch(/\| first.*\n\| -.*\n\| untraced .*20 \|\n\nuntraced/)
  expect(section({ tables, cases }, [], true)).not.toContain('second')
  expect(section({ tables, cases })).toMatch(/\| kept .*50 \|\n\n\| second /)
})

test('a goal is compared with the median, or with the share of another case; without figures it is left out', () => {
  const goals: Goal[] = [
    { of: 'untraced', key: 'finished', atLeast: 8000 },
    { of: 'kept', key: 'spansLost', below: 1 },
    { of: 'kept', key: 'seconds', below: 180 },
    { of: 'kept', to: 'untraced', key: 'finished', atLeast: 0.5 },
    { of: 'absent', key: 'finished', below: 1 },
    { of: 'kept', to: 'absent', key: 'finished', below: 1 },
  ]
  const cases = [
    caseOf('untraced', [{ finished: 7999 }, { finished: 50 }, { finished: 20_000 }]),
    caseOf('kept', [{ finished: 4000, spansLost: 1, seconds: 179 }]),
  ]
  const tables = [{ columns: { finished: 'finished/s' } }]
  const lines = section({ tables, cases }, goals)
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
  expect(lines.slice(-4)).toEqual([
    '| untraced: finished/s | 7,999 | at least 8,000 | no |',
    '| kept: spansLost | 1 | below 1 | no |',
    '| kept: seconds | 179 | below 180 | yes |',
    '| kept to untraced: finished/s | 0.5 | at least 0.5 | yes |',
  ])
})

test('a section replaces its older self and no other, in the order of the suites', () => {
  const names = ['ceilings', 'drain', 'pace']
  const page = withSection('', '## pace\n\nold pace', names)
  const both = withSection(page, '## ceilings\n\nold', names)
  expect(both).toMatch(/^# What the bench measured\n[^#]*\n## ceilings\n\nold\n\n## pace\n\nold pace\n$/)
  const replaced = withSection(both, '## ceilings\n\nnew', names)
  expect(replaced).toBe(both.replace('old\n', 'new\n'))
  expect(withSection(both, '## drain\n\nnew', names)).toBe(both.replace('## pace', '## drain\n\nnew\n\n## pace'))
})
