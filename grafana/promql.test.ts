import { collectDefaultMetrics, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { metricList, type MetricDefinition } from '../telemetry/metric-list.ts'
import { readRules } from './alert-rules.ts'
import { dashboards, questionsTo } from './dashboards.ts'
import { fillInPromql } from './fill-in.ts'
import { selectionsOf } from './promql.ts'

const ofDashboards = dashboards.flatMap((dashboard) => questionsTo('prometheus', dashboard))
const ofRules = readRules().flatMap(({ title, data }) =>
  data.flatMap((query) =>
    query.datasourceUid === 'prometheus' ? [{ of: title, text: query.model.expr }] : [],
  ),
)

test('an expression is read by the grammar of Prometheus', () => {
  expect(selectionsOf('sum by (le) (rate(a_bucket{stage="x", outcome=~"y|z"}[20s])) > 0')).toEqual([
    { metric: 'a_bucket', labels: ['stage', 'outcome', 'le'] },
  ])
  expect(() => selectionsOf('sum(rate(a[5m])')).toThrow(SyntaxError)
})

test('every metric is in the list, and every label is one that it has', () => {
  const known = knownMetrics()
  const questions = [...ofDashboards, ...ofRules]
  expect(questions.length).toBeGreaterThan(40)
  for (const { of, text } of questions) {
    for (const { metric, labels } of selectionsOf(fillInPromql(text, { stage: 'lcm' }))) {
      const unknown = labels.filter((label) => !known.get(metric)?.includes(label))
      expect({ of, metric, isKnown: known.has(metric), unknown }).toMatchObject({
        isKnown: true,
        unknown: [],
      })
    }
  }
})

/** The labels of each series that a process can have; Prometheus adds which process it was. */
function knownMetrics(): Map<string, readonly string[]> {
  const everywhere = ['stage', 'position', 'instance', 'job']
  const known = new Map<string, readonly string[]>()
  for (const [name, { type, labels }] of Object.entries<MetricDefinition>(metricList)) {
    const own = [...everywhere, ...labels]
    if (type !== 'histogram') known.set(name, own)
    else for (const part of ['count', 'sum', 'bucket']) known.set(`${name}_${part}`, [...own, 'le'])
  }
  const register = new Registry()
  collectDefaultMetrics({ register })
  for (const { name } of register.getMetricsAsArray()) known.set(name, everywhere)
  return known
}

test('a rate is taken over a time that always holds several scrapes', () => {
  const ranges = ofDashboards.flatMap(({ of, text }) =>
    [...text.matchAll(/(\w+)\([^()[]*\[([^\]]+)\]/g)].map(([, taken, range]) => ({ of, taken, range })),
  )
  expect(ranges.length).toBeGreaterThan(20)
  // What has just finished is a mean over half a minute, as is what has just come in by the monitor.
  const isFine = ({ of, taken, range }: (typeof ranges)[number]) =>
    of === 'pipeline/Finished/A'
      ? range === '30s'
      : range === (taken === 'max_over_time' ? '$__interval' : '$__rate_interval')
  expect(ranges.filter((each) => !isFine(each))).toEqual([])
})
