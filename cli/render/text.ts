import { isUtf8 } from 'node:buffer'
import { stripVTControlCharacters } from 'node:util'
import { Help } from 'commander'

/** Removes terminal control sequences from text of unknown origin. Line ends and tabs stay. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/(?![\n\t])\p{Cc}/gu, '\uFFFD')
}

/** Text of unknown origin as one line of at most `width` characters; an ellipsis stands for what was cut off. */
export function fit(text: string, width: number): string {
  const line = printable(text).replaceAll(/\s+/g, ' ')
  // The cut may split a surrogate pair.
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1)).toWellFormed()}…`
}

/** Text of unknown origin in lines of at most `width` characters, where its words allow it. */
export function wrap(text: string, width: number): string {
  // By default commander does not wrap at less than 40.
  return Object.assign(new Help(), { minWidthToWrap: 10 }).boxWrap(printable(text), Math.max(10, width))
}

/** Bytes as text when they are UTF-8, as hex digits otherwise. */
export function bytesText(bytes: Buffer): { encoding: 'utf8' | 'hex'; text: string } {
  const encoding = isUtf8(bytes) ? 'utf8' : 'hex'
  return { encoding, text: bytes.toString(encoding) }
}

/** Milliseconds since the epoch, with microseconds as decimals, as "2025-11-24T02:30:11.123456Z". */
export function isoTime(ms: number): string {
  const micros = Math.round(ms * 1000)
  const decimals = String(micros % 1000).padStart(3, '0')
  return new Date(Math.floor(micros / 1000)).toISOString().replace('Z', `${decimals}Z`)
}

/** JSON text, in which every number whose name ends in "At" is a time: it is written as {@link isoTime}. */
export function toJson(value: unknown, indent = 0): string {
  const withTimes = (name: string, each: unknown) =>
    name.endsWith('At') && typeof each === 'number' ? isoTime(each) : each
  return JSON.stringify(value, withTimes, indent)
}

/** Milliseconds since the epoch, to the second: "2025-11-24 02:30:11Z". */
export function secondTime(ms: number): string {
  return `${isoTime(ms).slice(0, 19).replace('T', ' ')}Z`
}

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
