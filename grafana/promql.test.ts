import { collectDefaultMetrics, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { EVENT_LOOP_SAMPLE_MS } from '../telemetry/metrics.ts'
import { metricList, type MetricDefinition } from '../telemetry/metric-list.ts'
import { readRules } from '../test/grafana/alert-rules.ts'
import { dashboards, queriesTo } from '../test/grafana/dashboards.ts'
import { queriesFromDataSources } from '../test/grafana/data-sources.ts'
import { interpolatePromql } from '../test/grafana/interpolate.ts'
import { selectionsOf } from '../test/grafana/promql.ts'

const ofDashboards = dashboards.flatMap((dashboard) => queriesTo('prometheus', dashboard))
const ofRules = readRules().flatMap(({ title, data }) =>
  data.flatMap((query) => (query.datasourceUid === 'prometheus' ? [{ of: title, text: query.model.expr }] : [])),
)

test('an expression is parsed with the grammar of Prometheus', () => {
  expect(selectionsOf('sum by (le) (rate(a_bucket{stage="x", outcome=~"y|z"}[20s])) > 0')).toEqual([
    { metric: 'a_bucket', labels: ['stage', 'outcome', 'le'] },
  ])
  expect(() => selectionsOf('sum(rate(a[5m])')).toThrow(SyntaxError)
})

test('every metric is in the list and has the labels of the query', () => {
  const known = knownMetrics()
  const queries = [...ofDashboards, ...ofRules, ...queriesFromDataSources('prometheus')]
  expect(queries.length).toBeGreaterThan(40)
  for (const { of, text } of queries) {
    for (const { metric, labels } of selectionsOf(interpolatePromql(text, { stage: 'lcm', __tags: 'stage="lcm"' }))) {
      const unknown = labels.filter((label) => !known.get(metric)?.includes(label))
      expect({ of, metric, isKnown: known.has(metric), unknown }).toMatchObject({
        isKnown: true,
        unknown: [],
      })
    }
  }
})

test('the delay of the event loop is shown without the time between two samples', () => {
  const delays = ofDashboards.filter(({ text }) => text.includes('nodejs_eventloop_lag'))
  expect(delays.map(({ text }) => text)).toEqual([
    `nodejs_eventloop_lag_p99_seconds{stage="$stage"} - ${EVENT_LOOP_SAMPLE_MS / 1000}`,
  ])
})

/** The labels of each metric of a process, with those that Prometheus adds. */
function knownMetrics(): Map<string, readonly string[]> {
  const everywhere = ['stage', 'position', 'instance', 'job']
  // Metrics of Prometheus and Tempo.
  const known = new Map([
    ['up', ['job', 'instance']],
    ['tempo_discarded_spans_total', ['job', 'instance', 'reason', 'tenant']],
  ])
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

test('a rate is taken over a range that contains several scrapes', () => {
  const ranges = ofDashboards.flatMap(({ of, text }) =>
    [...text.matchAll(/(\w+)\([^()[]*\[([^\]]+)\]/g)].map(([, taken, range]) => ({ of, taken, range })),
  )
  expect(ranges.length).toBeGreaterThan(20)
  // `Finished` is a mean over 30 s, like the arrival rate of the monitor.
  const isFine = ({ of, taken, range }: (typeof ranges)[number]) =>
    of === 'pipeline/Finished/A'
      ? range === '30s'
      : range === (taken === 'max_over_time' ? '$__interval' : '$__rate_interval')
  expect(ranges.filter((each) => !isFine(each))).toEqual([])
})

test('a label in a link or a legend remains after grouping', () => {
  const spoken = dashboards.flatMap(({ panels }) =>
    panels.flatMap(({ title, fieldConfig, targets }) => {
      const links = [...JSON.stringify(fieldConfig).matchAll(/__field\.labels\.(\w+)/g)].map(([, label]) => label)
      return targets.flatMap(({ expr, legendFormat = '' }) => {
        const legend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
        return expr === undefined ? [] : [{ title, expr, labels: [...links, ...legend] }]
      })
    }),
  )
  expect(spoken.filter(({ labels }) => labels.length > 0).length).toBeGreaterThan(10)
  for (const { title, expr, labels } of spoken) {
    const left = /^\w+ by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ')
    // Without grouping, the labels that Prometheus adds remain.
    const gone = labels.filter((label = '') => !(left ?? ['instance']).includes(label))
    expect({ title, gone }).toEqual({ title, gone: [] })
  }
})
