import { fit } from './text.ts'

export interface Column {
  readonly title: string
  /** Left by default. */
  readonly align?: 'left' | 'right'
  /** Loses characters when the table is too wide. */
  readonly shrinks?: boolean
}

const GAP = '  '

/**
 * The lines of a table, the titles first, with two spaces between the columns.
 * @param totalWidth of the terminal, in characters; only columns that shrink make room
 */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[], totalWidth: number): string[] {
  const widest = columns.map(({ title }, index) => Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const total = widest.reduce((sum, one) => sum + one + GAP.length, -GAP.length)
  const widths = columns.map(({ shrinks, title }, index) => {
    const own = widest[index] ?? 0
    return shrinks ? Math.max(title.length, own - Math.max(0, total - totalWidth)) : own
  })
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const width = widths[index] ?? 0
        const cell = fit(cells[index] ?? '', width)
        return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join(GAP)
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)]
}
