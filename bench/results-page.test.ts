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

function section(measured: Partial<Measured>, goals: readonly Goal[] = []): string {
  const suite = { name: 'drain', about: 'What is measured.', goals }
  return sectionOf({ suite, measured: { cases: [], note: '', problems: [], ...measured }, ...provenance })
}

test('a section says when, at which commit, by which command and on which machine it was measured', () => {
  expect(section({})).toBe(
    '## drain\n\nWhat is measured.\n\nMeasured 2026-01-02 03:04 UTC at commit abc123 by `npm run bench -- drain`: ' +
      '2 cores of Processor, Node v24; load 0.85 before.',
  )
})

test('a cell is the median with its range; a case without rounds is left out', () => {
  const cases = [
    caseOf('fast', [{ 'finished/s': 9812.4, share: 0.5 }, { 'finished/s': 10_100 }, { 'finished/s': 9500 }]),
    caseOf('steady', [{ 'finished/s': 7000 }, { 'finished/s': 7000.2 }]),
    caseOf('two rounds', [
      { 'finished/s': 11, share: 1 },
      { 'finished/s': 10, share: 2 },
    ]),
    caseOf('not run', []),
  ]
  expect(section({ cases })).toContain(
    [
      '|            |              finished/s |        share |',
      '| ---------- | ----------------------: | -----------: |',
      '| fast       | 9,812 (9,500 to 10,100) |          0.5 |',
      '| steady     |                   7,000 |            - |',
      '| two rounds |         10.5 (10 to 11) | 1.5 (1 to 2) |',
    ].join('\n'),
  )
})

test('a section describes its cases and says what could not be measured', () => {
  const cases = [caseOf('untraced', [{ speed: 20 }]), caseOf('kept', [{ speed: 50 }])]
  const text = section({ cases, note: 'A note.', problems: ['sink, round 1: died\nbadly'] })
  expect(text).toContain('untraced: a case; kept: a case.')
  expect(text).toContain('A note.')
  expect(text).toContain('Not measured:\n\n```\nsink, round 1: died\nbadly\n```')
})

test('a goal is compared with the median, or with the share of another case; without figures it is left out', () => {
  const goals: Goal[] = [
    { of: 'untraced', figure: 'finished/s', atLeast: 8000 },
    { of: 'kept', figure: 'spans lost', below: 1 },
    { of: 'kept', figure: 'seconds', below: 180 },
    { of: 'kept', to: 'untraced', figure: 'finished/s', atLeast: 0.5 },
    { of: 'absent', figure: 'finished/s', below: 1 },
    { of: 'kept', to: 'absent', figure: 'finished/s', below: 1 },
  ]
  const cases = [
    caseOf('untraced', [{ 'finished/s': 7999 }, { 'finished/s': 50 }, { 'finished/s': 20_000 }]),
    caseOf('kept', [{ 'finished/s': 4000, 'spans lost': 1, seconds: 179 }]),
  ]
  const lines = section({ cases }, goals)
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' '))
  expect(lines.slice(-4)).toEqual([
    '| untraced: finished/s | 7,999 | at least 8,000 | no |',
    '| kept: spans lost | 1 | below 1 | no |',
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
