import type { Case, Column, PartReport } from './report.ts'
import { spreadOf } from './statistics.ts'

/** A table as texts: the titles, and a row for each case. */
export interface FiguresTable {
  readonly titles: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export function figuresTable({ columns, cases }: Pick<PartReport, 'columns' | 'cases'>): FiguresTable {
  const measured = cases.filter(({ rounds }) => rounds.length > 0)
  const shown = columns.filter(({ key }) =>
    measured.some(({ rounds }) => rounds.some((round) => round[key] !== undefined)),
  )
  return {
    titles: ['', ...shown.map(({ title }) => title)],
    rows: measured.map((one) => [one.name].concat(shown.map((column) => cell(one, column)))),
  }
}

/** "9,812 (9,500 to 10,100)": the median, and the spread when there is one; "-" where nothing was measured. */
function cell({ rounds }: Case, { key, digits = 0 }: Column): string {
  const values = rounds.flatMap((round) => round[key] ?? [])
  if (values.length === 0) return '-'
  const text = (value: number) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const { median, least, most } = spreadOf(values)
  const ends = [text(least), text(most)]
  return ends[0] === ends[1] ? text(median) : `${text(median)} (${ends.join(' to ')})`
}
