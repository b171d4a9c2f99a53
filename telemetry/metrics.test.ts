import { expect, test } from 'vitest'
import { metricList, type MetricDefinition, type Role } from './metric-list.ts'
import { createMetrics } from './metrics.ts'

const openMetrics = 'application/openmetrics-text; version=1.0.0'

const pageOf = async (stage: string, accept = '') =>
  (await createMetrics({ stage, position: 0 }).page(accept)).text

test.each<[string, Role]>([
  ['lcm', 'stage'],
  ['generator', 'generator'],
  ['monitor', 'monitor'],
])('%s has the metrics of its role and no others', async (stage, role) => {
  const text = await pageOf(stage)
  const found = [...text.matchAll(/^# TYPE (throughline_\S+) (\S+)$/gm)].map(([, name, type]) => [name, type])
  const wanted = Object.entries<MetricDefinition>(metricList)
    .filter(([, { of }]) => of.includes(role))
    .map(([name, { type }]) => [name, type])
  expect(found).toEqual(wanted)
})

test('the unit is in the name, where Prometheus wants it', () => {
  const inName = (unit: string) => unit.replace('messages per second', 'per_second')
  const wrong = Object.entries<MetricDefinition>(metricList).filter(([name, { unit }]) => {
    const said = /_(per_second|seconds|ratio|messages)(_total)?$/.exec(name)?.[1]
    return said === undefined ? /^(seconds|ratio|messages per)/.test(unit) : said !== inName(unit)
  })
  expect(wrong).toEqual([])
})

test('what can be counted begins at 0', async () => {
  const text = await pageOf('lcm')
  for (const labels of ['outcome="duplicate",reason=""', 'outcome="dead",reason="negative-root"']) {
    expect(text).toContain(`throughline_messages_total{${labels},stage="lcm",position="00"} 0`)
  }
  expect(text).toContain('throughline_reconnects_total{server="Postgres",stage="lcm",position="00"} 0')
  expect(await pageOf('monitor')).toContain('throughline_alert_notifications_total{status="firing",')
})

test('what the monitor says of a stage is the stage’s', async () => {
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  metrics.set('throughline_drain_seconds', 3, { stage: 'lcm', position: 3 })
  expect((await metrics.page('')).text).toContain('throughline_drain_seconds{stage="lcm",position="03"} 3')
})

test('places sort as texts in the order of the flow', async () => {
  const metrics = createMetrics({ stage: 'monitor', position: 12 })
  metrics.set('throughline_drain_seconds', 3, { stage: 'lcm', position: 10 })
  const { text } = await metrics.page('')
  expect(text).toContain('{stage="lcm",position="10"}')
  expect(text).toContain('{stage="monitor",position="12"}')
})

test('the names of counters stay when pages of both kinds are asked for', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  const plain = (await metrics.page('')).text
  expect((await metrics.page(openMetrics)).text).toContain('# TYPE throughline_rebalances counter\n')
  const names = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  expect(names((await metrics.page('')).text)).toEqual(names(plain))
  expect(plain).toContain('# TYPE throughline_rebalances_total counter\n')
})

test('what is asked for is as it is then', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  let waiting = 1
  metrics.ask('throughline_pool_waiting', () => waiting)
  waiting = 2
  expect((await metrics.page('')).text).toMatch(/^throughline_pool_waiting\{.*\} 2$/m)
})

test('a process cannot speak of what is not its own', () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  expect(() => metrics.set('throughline_monitor_active', 1)).toThrow(
    'throughline_monitor_active is a gauge of monitor',
  )
})
