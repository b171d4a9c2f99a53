import { fit } from './text.ts'

export interface Column<Row> {
  readonly title: string
  /** The text in a row's cell. */
  readonly cell: (row: Row) => string
  /** Left by default. */
  readonly align?: 'right'
  /** Loses characters when the table is too wide. */
  readonly shrinks?: boolean
}

const GAP = '  '

/**
 * The lines of a table, the titles first, with two spaces between the columns.
 * @param totalWidth of the terminal, in characters; only columns that shrink make room
 */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[], totalWidth: number): string[] {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))]
  const widest = columns.map((_, index) => Math.max(...lines.map((cells) => cells[index]?.length ?? 0)))
  const excess = widest.reduce((sum, width) => sum + width + GAP.length, -GAP.length) - totalWidth
  const pad = (text: string, index: number) => {
    const { title = '', align, shrinks } = columns[index] ?? {}
    const own = widest[index] ?? 0
    const width = shrinks && excess > 0 ? Math.max(title.length, own - excess) : own
    const cell = fit(text, width)
    return align === 'right' ? cell.padStart(width) : cell.padEnd(width)
  }
  return lines.map((cells) => cells.map(pad).join(GAP).trimEnd())
}
