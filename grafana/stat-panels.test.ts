import { expect, test } from 'vitest'
import { dashboards, type Panel } from '../test/grafana/dashboards.ts'

const statPanels = dashboards.flatMap(({ panels }) => panels.filter(({ type }) => type === 'stat'))
const named = (wrong: readonly Panel[]) => wrong.map(({ title }) => title)

test('a stat panel on Prometheus shows the current value, and a text when there is none', () => {
  const measured = statPanels.filter(({ targets: [target] }) => target?.expr !== undefined)
  expect(measured.length).toBeGreaterThan(6)
  for (const { title, targets, options } of measured) {
    expect({ title, calcs: options.reduceOptions?.calcs }).toEqual({ title, calcs: ['last'] })
    expect(targets[0]?.expr).toMatch(/ or vector\((NaN|0|5)\)$/)
  }
})

test('a stat panel on Prometheus has a range of 15 minutes, because the last step of a longer range is minutes old', () => {
  const measured = statPanels.filter(({ targets: [target] }) => target?.expr !== undefined)
  expect(named(measured.filter(({ timeFrom }) => timeFrom !== '15m'))).toEqual([])
})

test('an unknown value is grey', () => {
  const coloured = statPanels.filter(({ options }) => options.colorMode === 'background')
  expect(coloured.length).toBeGreaterThan(6)
  const isGrey = ({ fieldConfig }: Panel) =>
    fieldConfig.defaults.mappings?.some(
      ({ options }) => options.match === 'null+nan' && options.result?.color === '#808080',
    )
  expect(named(coloured.filter((panel) => !isGrey(panel)))).toEqual([])
})
