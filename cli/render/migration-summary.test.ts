import { expect, test } from 'vitest'
import { migrationSummary } from './migration-summary.ts'

test('says what is new, by name', () => {
  expect(
    migrationSummary({ migrations: ['001_tables', '002_views'], topics: ['start'], isCatalogueNew: true }),
  ).toBe('New: 2 migrations (001_tables, 002_views); 1 topic (start); the catalogue of stages.')
  expect(migrationSummary({ migrations: [], topics: ['start', 'finish'], isCatalogueNew: false })).toBe(
    'New: 2 topics (start, finish).',
  )
})

test('says that there was nothing to do', () => {
  expect(migrationSummary({ migrations: [], topics: [], isCatalogueNew: false })).toBe(
    'Nothing to do: all is up to date.',
  )
})
