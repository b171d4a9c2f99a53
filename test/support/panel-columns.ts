import type { FieldDef } from 'pg'
import type { Panel } from '../grafana/dashboards.ts'

const TIMES = 1184
const NUMBERS = new Set([20, 21, 23, 701, 1700])

/** The columns of a table that are numbers or times and have no unit. */
export function withoutUnit({ type, fieldConfig }: Panel, fields: readonly FieldDef[]): string[] {
  const isKnown = (name: string, isUnit: (unit: unknown) => boolean) =>
    fieldConfig.overrides.some(
      ({ matcher, properties }) =>
        meets(matcher, name) && properties.some(({ id, value }) => id === 'unit' && isUnit(value)),
    )
  const wrong = fields.filter(
    ({ name, dataTypeID }) =>
      (dataTypeID === TIMES && !isKnown(name, (unit) => unit === 'dateTimeAsIso')) ||
      (NUMBERS.has(dataTypeID) && !isKnown(name, (unit) => unit !== 'dateTimeAsIso')),
  )
  return type === 'table' ? wrong.map(({ name }) => name) : []
}

const meets = ({ id, options }: { readonly id: string; readonly options: string }, name: string) =>
  id === 'byRegexp' ? new RegExp(options.slice(1, -1)).test(name) : options === name

/** Series of a pipeline with more stages than ours: what is there for them is met by none of ours. */
const places = Array.from({ length: 12 }, (_, index) => `${String(index + 1).padStart(2, '0')} any`)

/** What a panel speaks of that its answer does not have. */
export function spokenOf({ fieldConfig, options }: Panel, columns: readonly string[]): string[] {
  const inLinks = [...JSON.stringify(fieldConfig).matchAll(/__(?:data\.fields|field\.labels)\.(\w+)/g)]
  const spoken = [
    ...inLinks.map(([, name]) => name ?? ''),
    ...(options.xField === undefined ? [] : [options.xField]),
  ]
  const unknown = spoken.filter((name) => !columns.includes(name))
  const names = fieldConfig.defaults.displayName === undefined ? columns : places
  for (const { matcher } of fieldConfig.overrides) {
    if (!names.some((name) => meets(matcher, name))) unknown.push(matcher.options)
  }
  return unknown
}
