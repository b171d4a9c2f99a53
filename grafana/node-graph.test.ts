import { expect, test } from 'vitest'
import { verdicts } from '../monitor/verdict.ts'
import { dashboards, type Panel } from '../test/grafana/dashboards.ts'

const panels = dashboards.flatMap(({ panels: own }) => own)
const graphs = panels.filter(({ type }) => type === 'nodeGraph')

type ValueMapping = { readonly options: Readonly<Record<string, { readonly color: string }>> }

/** The colours of the verdicts in the table on Pipeline. */
function tableColours(): Record<string, string> {
  const table = panels.find(({ title }) => title === 'How is every stage now?')
  const overrides = table?.fieldConfig.overrides.filter(({ matcher }) => matcher.options === 'is') ?? []
  const mappings = overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'mappings'))
  const options = mappings.flatMap(({ value }) => (value as ValueMapping[]).map((mapping) => mapping.options))
  return Object.fromEntries(Object.entries(options[0] ?? {}).map(([verdict, { color }]) => [verdict, color]))
}

test('there is one node graph, and its queries have the names by which Grafana knows nodes and edges', () => {
  expect(graphs).toHaveLength(1)
  expect(graphs.map(({ targets }) => targets.map(({ refId }) => refId))).toEqual([['nodes', 'edges']])
})

test('each verdict is an arc in the colour that it has in the table, and the legend has its name', () => {
  const [{ options, transformations }] = graphs as [Panel]
  const arcs = options.nodes?.arcs?.map(({ field, color }) => [field, color])
  const names = transformations?.find(({ filter }) => filter?.options === 'nodes')?.options.renameByName ?? {}
  const colours = tableColours()
  const column = (verdict: string) => `arc__${verdict.toLowerCase().replace(' ', '_')}`
  expect(Object.fromEntries(arcs ?? [])).toEqual(
    Object.fromEntries(verdicts.map((verdict) => [column(verdict), colours[verdict]])),
  )
  for (const verdict of verdicts) expect(names[column(verdict)]).toBe(verdict)
})
