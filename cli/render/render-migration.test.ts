import { expect, test } from 'vitest'
import { migrationSummary, retentionWarning } from './render-migration.ts'

test('says what is new, by name', () => {
  expect(migrationSummary({ migrations: ['001_tables', '002_views'], topics: ['start'], isCatalogueNew: true })).toBe(
    'New: 2 migrations (001_tables, 002_views); 1 topic (start); the catalogue of stages.',
  )
  expect(migrationSummary({ migrations: [], topics: ['start', 'finish'], isCatalogueNew: false })).toBe(
    'New: 2 topics (start, finish).',
  )
})

test('says that there was nothing to do', () => {
  expect(migrationSummary({ migrations: [], topics: [], isCatalogueNew: false })).toBe('Nothing to do: all is up to date.')
})

test('nothing is said when rows are kept as long as records or longer', () => {
  expect(retentionWarning(new Map([['start', 336]]), 14)).toBeUndefined()
  expect(retentionWarning(new Map(), 1)).toBeUndefined()
})

test('names the topics that keep records for longer than rows are kept, and both ways out', () => {
  const hours = new Map([
    ['start', 400],
    ['stage2', 192],
    ['stage3', 336.5],
  ])
  expect(retentionWarning(hours, 14)).toBe(
    'Records are kept for up to 400 hours (retention.ms and segment.ms of start, stage3) but their rows for 336 ' +
      '(RETENTION), and a record that is read again after its row was removed is processed twice: lower retention.ms, ' +
      'or set RETENTION to 17.',
  )
})

test('no RETENTION is enough for a topic that keeps records for ever', () => {
  expect(retentionWarning(new Map([['start', Infinity]]), 14)).toMatch(
    /^Records are kept for ever \(.*start\).*: lower retention\.ms\.$/,
  )
})
