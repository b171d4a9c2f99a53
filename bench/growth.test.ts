import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allQueries, slowestFirst } from './growth.ts'

const migrations = join(import.meta.dirname, '..', 'sql', 'migrations')

test('every reporting view is read by a dashboard, an alert rule, a query of growth or another view', () => {
  const files = readdirSync(migrations).map((file) => readFileSync(join(migrations, file), 'utf8'))
  const views = files.flatMap((sql) => [...sql.matchAll(/^create (?:or replace )?view (\w+)/gm)].map(([, name]) => name))
  expect(views.length).toBeGreaterThan(15)
  const queries = allQueries().values().toArray().join('\n')
  const isRead = (name: string) =>
    new RegExp(`\\b${name}\\b`).test(queries) || new RegExp(`\\bfrom ${name}\\b`).test(files.join('\n'))
  expect(views.filter((name) => !isRead(String(name)))).toEqual([])
})

test('of all queries of Grafana the slowest at the most rows counts', () => {
  const figures = {
    'a report query': { few: 1, most: 9000 },
    'pipeline/Latest/A': { few: 900, most: 20 },
    'alert/Backlog': { few: 1, most: 30 },
    'throughline status': { few: 1, most: 700 },
  }
  const cases = Object.entries(figures).map(([name, round]) => ({ name, about: '', rounds: [round] }))
  expect(slowestFirst(cases, 'most').map(({ name, rounds }) => [name, rounds[0]?.['most']])).toEqual([
    ['the slowest query of Grafana', 30],
    ['a report query', 9000],
    ['throughline status', 700],
    ['alert/Backlog', 30],
    ['pipeline/Latest/A', 20],
  ])
})
