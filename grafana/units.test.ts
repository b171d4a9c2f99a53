import { expect, test } from 'vitest'
import { readRules } from '../test/grafana/alert-rules.ts'
import { dashboards } from '../test/grafana/dashboards.ts'
import { interpolatePromql } from '../test/grafana/interpolate.ts'
import { selectionsOf } from '../test/grafana/promql.ts'

const panels = dashboards.flatMap(({ uid, panels: own }) => own.map((panel) => ({ ...panel, of: `${uid}/${panel.title}` })))

test('each unit is known to Grafana', () => {
  const known = new Set(['s', 'bytes', 'locale', 'none', 'percentunit', 'short', 'string', 'suffix:/s', 'dateTimeAsIso'])
  const used = panels.flatMap(({ of, fieldConfig: { defaults, overrides } }) => [
    ...(defaults.unit === undefined ? [] : [{ of, unit: defaults.unit }]),
    ...overrides.flatMap(({ properties }) =>
      properties.flatMap(({ id, value }) => (id === 'unit' ? [{ of, unit: String(value) }] : [])),
    ),
  ])
  expect(used.length).toBeGreaterThan(40)
  expect(used.filter(({ unit }) => !known.has(unit))).toEqual([])
})

test('each numeric panel has a unit', () => {
  // The columns of a table have their own units, which test/dashboards.test.ts checks; the numbers of a node graph are texts.
  const without = new Set(['table', 'traces', 'heatmap', 'alertlist', 'nodeGraph'])
  const numbers = panels.filter(({ type }) => !without.has(type))
  expect(numbers.length).toBeGreaterThan(20)
  expect(numbers.filter(({ fieldConfig }) => !fieldConfig.defaults.unit)).toEqual([])
})

/** The unit of an expression by the name of its metric; undefined when the name does not determine it. */
function unitOf(expr: string): string | undefined {
  const metric = selectionsOf(interpolatePromql(expr, { stage: 'x' }))[0]?.metric ?? ''
  if (metric.endsWith('_bytes')) return 'bytes'
  if (metric.endsWith('_ratio')) return 'percentunit'
  if (metric.endsWith('_per_second')) return 'suffix:/s'
  if (metric === 'process_cpu_seconds_total') return 'short'
  if (/_(total|count)$/.test(metric)) return expr.includes('increase(') ? 'locale' : 'suffix:/s'
  if (/_seconds(_bucket)?$/.test(metric)) return 's'
  return undefined
}

test('a panel has the unit of its metric', () => {
  const measured = panels.flatMap(({ of, type, targets, fieldConfig, options }) =>
    targets.flatMap(({ expr }) => {
      const wanted = expr === undefined ? undefined : unitOf(expr)
      const unit = type === 'heatmap' ? options.yAxis?.unit : fieldConfig.defaults.unit
      return wanted === undefined ? [] : [{ of, unit, wanted }]
    }),
  )
  expect(measured.length).toBeGreaterThan(30)
  expect(measured.filter(({ unit, wanted }) => unit !== wanted)).toEqual([])
})

type Steps = readonly { readonly color: string; readonly value: number | null }[]

/** The threshold for red in a panel, or in a column of it. */
function redFrom(uid: string, id: number, column?: string): number | null | undefined {
  const panel = dashboards.find((each) => each.uid === uid)?.panels.find((each) => each.id === id)
  if (panel === undefined) throw new TypeError(`${uid} has no panel ${id}`)
  const { defaults, overrides } = panel.fieldConfig
  const override = overrides.find(({ matcher }) => matcher.options === column)
  const own = override?.properties.find((property) => property.id === 'thresholds')?.value
  const thresholds = (column === undefined ? defaults.thresholds : own) as { steps: Steps } | undefined
  return thresholds?.steps.find(({ color }) => color === 'red')?.value
}

function limitOf(uid: string): number | undefined {
  const rule = readRules().find((each) => each.uid === uid)
  const conditions = rule?.data.flatMap(({ model }) => ('conditions' in model ? model.conditions : []))
  return conditions?.[0]?.evaluator.params[0]
}

test('the threshold for red is the threshold of the alert rule', () => {
  const objective = limitOf('end-to-end-slow')
  expect(objective).toBeGreaterThan(0)
  expect([redFrom('pipeline', 4), redFrom('pipeline', 8)]).toEqual([objective, objective])
  const oldest = limitOf('oldest-waiting')
  expect(oldest).toBeGreaterThan(0)
  const ages = [redFrom('pipeline', 5), redFrom('pipeline', 10, 'oldest'), redFrom('pipeline', 16)]
  expect([...ages, redFrom('stage', 12), redFrom('stage', 3)]).toEqual(Array.from({ length: 5 }, () => oldest))
})

test('a stage is as busy in one place as in another', () => {
  const busy = [redFrom('pipeline', 10, 'busy'), redFrom('pipeline', 19), redFrom('stage', 14)]
  expect(busy).toEqual([0.8, 0.8, 0.8])
})
