import { expect, test } from 'vitest'
import { dashboards, type Panel } from '../test/grafana/dashboards.ts'

const panels = dashboards.flatMap((dashboard) => dashboard.panels)
const lines = panels.filter(({ type }) => type === 'timeseries')
const ofStages = lines.filter(({ fieldConfig, targets }) =>
  [fieldConfig.defaults.displayName, ...targets.map(({ legendFormat }) => legendFormat)].some((name) =>
    name?.includes('stage}'),
  ),
)

/** The colours of a series by its name. */
function coloursOf({ fieldConfig }: Panel, name: string): unknown[] {
  return fieldConfig.overrides
    .filter(({ matcher }) => matcher.id === 'byRegexp' && new RegExp(matcher.options.slice(1, -1)).test(name))
    .flatMap(({ properties }) => properties.filter(({ id }) => id === 'color').map(({ value }) => value))
}

test('a stage has the same colour on every chart, by its position', () => {
  expect(ofStages.length).toBeGreaterThan(3)
  for (let place = 1; place <= 12; place += 1) {
    const name = `${String(place).padStart(2, '0')} any`
    const [first, ...others] = ofStages.map((panel) => coloursOf(panel, name))
    expect(first).toHaveLength(1)
    expect(others).toEqual(others.map(() => first))
  }
})

test('the six stages have different colours, which are fixed', () => {
  const [panel] = ofStages
  const colours = [1, 2, 3, 4, 5, 6].map((place) => panel && coloursOf(panel, `0${place} any`))
  expect(new Set(colours.map((colour) => JSON.stringify(colour))).size).toBe(6)
  expect(ofStages.filter(({ fieldConfig }) => fieldConfig.defaults.color?.mode !== 'fixed')).toEqual([])
})

test('a heatmap has the colour of its part of the time', () => {
  const schemes = panels
    .filter(({ type }) => type === 'heatmap')
    .map(({ targets: [target], options }) => [
      /throughline_(\w+)_seconds/.exec(target?.expr ?? '')?.[1],
      options.color?.scheme,
    ])
  expect(Object.fromEntries(schemes)).toEqual({
    end_to_end: 'PuRd',
    wait: 'Purples',
    work: 'Blues',
    save: 'BuGn',
    publish: 'YlOrBr',
  })
})
