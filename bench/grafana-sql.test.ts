import { expect, test } from 'vitest'
import { expandSql, type PanelMoment } from './grafana-sql.ts'

const moment: PanelMoment = {
  from: new Date('2026-01-02T03:00:00Z'),
  to: new Date('2026-01-02T03:15:00Z'),
  intervalMs: 5000,
  variables: { stage: "o'clock", stages: ['add', 'lcm'] },
}

test('a filter is between the ends of the range, whatever is in its parentheses', () => {
  const range = "BETWEEN '2026-01-02T03:00:00.000Z' AND '2026-01-02T03:15:00.000Z'"
  expect(expandSql('where $__timeFilter(at)', moment)).toBe(`where at ${range}`)
  expect(expandSql('$__timeFilter(coalesce(a, b)) and x', moment)).toBe(`coalesce(a, b) ${range} and x`)
})

test('the ends of the range are texts, in seconds and in milliseconds', () => {
  expect(expandSql('f($__timeFrom()::timestamptz, $__timeTo()::timestamptz)', moment)).toBe(
    "f('2026-01-02T03:00:00.000Z'::timestamptz, '2026-01-02T03:15:00.000Z'::timestamptz)",
  )
  expect(expandSql('$__unixEpochFrom() $__unixEpochTo() $__from ${__to}', moment)).toBe(
    '1767322800 1767323700 1767322800000 1767323700000',
  )
})

test('times are grouped by an interval, also by that of the chart', () => {
  expect(expandSql("$__timeGroup(at, '5m')", moment)).toBe('floor(extract(epoch from at) / 300) * 300')
  expect(expandSql('$__timeGroupAlias(at, $__interval)', moment)).toBe(
    'floor(extract(epoch from at) / 5) * 5 AS "time"',
  )
})

test('variables are put in as their format says', () => {
  expect(expandSql('${stage:sqlstring} ${stages:sqlstring} ${stages:csv}', moment)).toBe(
    "'o''clock' 'add','lcm' add,lcm",
  )
  expect(expandSql("'$stage' in ($stages) ${stage:raw}", moment)).toBe("'o''clock' in ('add','lcm') o'clock")
})

test('what nobody knows is a mistake in the dashboard; parameters of Postgres are none', () => {
  expect(() => expandSql('$__magic(at)', moment)).toThrow('Grafana has no macro $__magic(at)')
  expect(() => expandSql('${nothing:csv}', moment)).toThrow('The dashboard has no variable ${nothing:csv}')
  expect(() => expandSql("$__timeGroup(at, 'soon')", moment)).toThrow("This is no interval: 'soon'")
  expect(expandSql('where id = $1', moment)).toBe('where id = $1')
})
