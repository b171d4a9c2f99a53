import { expect, test } from 'vitest'
import { dashboards, type Panel } from '../test/grafana/dashboards.ts'

const tiles = dashboards.flatMap(({ panels }) => panels.filter(({ type }) => type === 'stat'))
const named = (wrong: readonly Panel[]) => wrong.map(({ title }) => title)

test('a tile of Prometheus shows what is, and not the last that was: when that is nothing, it says so', () => {
  const measured = tiles.filter(({ targets: [target] }) => target?.expr !== undefined)
  expect(measured.length).toBeGreaterThan(8)
  for (const { title, targets, options } of measured) {
    expect({ title, calcs: options.reduceOptions?.calcs }).toEqual({ title, calcs: ['last'] })
    expect(targets[0]?.expr).toMatch(/ or vector\((NaN|0|5)\)$/)
  }
})

test('a tile of Prometheus shows the end of the last minutes: over days its last step would be minutes old', () => {
  const measured = tiles.filter(({ targets: [target] }) => target?.expr !== undefined)
  expect(named(measured.filter(({ timeFrom }) => timeFrom !== '15m'))).toEqual([])
})

test('what is unknown has no colour of what is well', () => {
  const coloured = tiles.filter(({ options }) => options.colorMode === 'background')
  expect(coloured.length).toBeGreaterThan(6)
  const isGrey = ({ fieldConfig }: Panel) =>
    fieldConfig.defaults.mappings?.some(
      ({ options }) => options.match === 'null+nan' && options.result?.color === '#808080',
    )
  expect(named(coloured.filter((tile) => !isGrey(tile)))).toEqual([])
})
