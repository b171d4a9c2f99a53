import type { FieldDef } from 'pg'
import type { Panel } from './dashboards.ts'

// Type ids of pg_type: timestamptz; int8, int2, int4, float8, numeric.
const TIMESTAMPTZ = 1184
const NUMBERS = new Set([20, 21, 23, 701, 1700])

/** The columns of a table panel that are numbers or times and have no unit. */
export function columnsWithoutUnit({ type, fieldConfig }: Panel, fields: readonly FieldDef[]): string[] {
  const isKnown = (name: string, isUnit: (unit: unknown) => boolean) =>
    fieldConfig.overrides.some(
      ({ matcher, properties }) =>
        matches(matcher, name) && properties.some(({ id, value }) => id === 'unit' && isUnit(value)),
    )
  const wrong = fields.filter(
    ({ name, dataTypeID }) =>
      (dataTypeID === TIMESTAMPTZ && !isKnown(name, (unit) => unit === 'dateTimeAsIso')) ||
      (NUMBERS.has(dataTypeID) && !isKnown(name, (unit) => unit !== 'dateTimeAsIso')),
  )
  return type === 'table' ? wrong.map(({ name }) => name) : []
}

const matches = ({ id, options }: { readonly id: string; readonly options: string }, name: string) =>
  id === 'byRegexp' ? new RegExp(options.slice(1, -1)).test(name) : options === name

/** Series names of a pipeline with more stages, so that an override for any number of stages matches one. */
const stageSeries = Array.from({ length: 12 }, (_, index) => `${String(index + 1).padStart(2, '0')} any`)

/** Columns that a panel's links, options and overrides name and its query does not return. */
export function unknownColumns({ fieldConfig, options }: Panel, columns: readonly string[]): string[] {
  const inLinks = [...JSON.stringify(fieldConfig).matchAll(/__(?:data\.fields|field\.labels)\.(\w+)/g)]
  const named = [...inLinks.map(([, name]) => name ?? ''), ...(options.xField === undefined ? [] : [options.xField])]
  const unknown = named.filter((name) => !columns.includes(name))
  const names = fieldConfig.defaults.displayName === undefined ? columns : stageSeries
  for (const { matcher } of fieldConfig.overrides) {
    if (!names.some((name) => matches(matcher, name))) unknown.push(matcher.options)
  }
  return unknown
}
