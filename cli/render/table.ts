import { fit } from './printable.ts'

export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly align: 'left' | 'right'
  /** Gives up characters when the table is too wide. */
  readonly shrinks?: boolean
}

const GAP = '  '

/**
 * The lines of a table, the titles first, two spaces between the columns.
 * @param width of the terminal, in characters; only columns that shrink keep to it
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const widest = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  )
  const total = widest.reduce((sum, one) => sum + one + GAP.length, -GAP.length)
  const widths = columns.map((column, index) => {
    const own = widest[index] ?? 0
    return column.shrinks ? Math.max(column.title.length, own - Math.max(0, total - width)) : own
  })
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, index) => pad(fit(cells[index] ?? '', widths[index] ?? 0), widths[index] ?? 0, align))
      .join(GAP)
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)]
}

function pad(text: string, width: number, align: Column['align']): string {
  return align === 'left' ? text.padEnd(width) : text.padStart(width)
}
