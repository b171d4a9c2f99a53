import { expect, test } from 'vitest'
import { metricList, type MetricDefinition, type Role } from './metric-list.ts'
import { createMetrics } from './metrics.ts'

const openMetrics = 'application/openmetrics-text; version=1.0.0'

const pageOf = async (stage: string, accept = '') => (await createMetrics({ stage, position: 0 }).page(accept)).text

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

test('the series of a stage in the monitor have the labels of that stage', async () => {
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  metrics.set('throughline_drain_seconds', 3, { stage: 'lcm', position: 3 })
  expect((await metrics.page('')).text).toContain('throughline_drain_seconds{stage="lcm",position="03"} 3')
})

test('positions sort as text in the order of the flow', async () => {
  const metrics = createMetrics({ stage: 'monitor', position: 12 })
  metrics.set('throughline_drain_seconds', 3, { stage: 'lcm', position: 10 })
  const { text } = await metrics.page('')
  expect(text).toContain('{stage="lcm",position="10"}')
  expect(text).toContain('{stage="monitor",position="12"}')
})

test('the names of counters stay when both formats are scraped', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  const plain = (await metrics.page('')).text
  expect((await metrics.page(openMetrics)).text).toContain('# TYPE throughline_rebalances counter\n')
  const names = (text: string) => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  expect(names((await metrics.page('')).text)).toEqual(names(plain))
  expect(plain).toContain('# TYPE throughline_rebalances_total counter\n')
})

test('what is set on a scrape has the value of then', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  let waiting = 1
  metrics.onScrape(() => metrics.set('throughline_pool_waiting', waiting))
  waiting = 2
  expect((await metrics.page('')).text).toMatch(/^throughline_pool_waiting\{.*\} 2$/m)
})

test('a process cannot set a metric of another role', () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  expect(() => metrics.set('throughline_monitor_active', 1)).toThrow('throughline_monitor_active is a gauge of monitor')
})

test('a histogram refuses what is not a number, and keeps its sum', async () => {
  const metrics = createMetrics({ stage: 'lcm', position: 3 })
  metrics.observe('throughline_batch_messages', [0.5, 1, 5, 2000], Number)
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => metrics.observe('throughline_batch_messages', [wrong], Number)).toThrow(
      `${wrong} is no value of throughline_batch_messages`,
    )
  }
  const { text } = await metrics.page('')
  const values = [...text.matchAll(/^throughline_batch_messages_(.*)\{(.*)stage="lcm",position="03"\} (.*)$/gm)]
  const found = new Map(values.map(([, name, labels, value]) => [`${name}${labels}`, Number(value)]))
  expect(found.get('bucketle="1",')).toBe(2)
  expect(found.get('bucketle="1000",')).toBe(3)
  expect(found.get('bucketle="+Inf",')).toBe(4)
  expect(found.get('sum')).toBe(2006.5)
  expect(found.get('count')).toBe(4)
})
