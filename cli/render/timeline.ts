import { duration } from './duration.ts'

/** The boundaries of one stage's time, in order, in milliseconds; null from the first that is not known on. */
export interface Bar {
  readonly label: string
  readonly boundaries: readonly (number | null)[]
}

/** One for each part between two boundaries. */
const parts = [
  { name: 'wait', mark: '·' },
  { name: 'work', mark: '█' },
  { name: 'save', mark: '▒' },
  { name: 'publish', mark: '─' },
] as const

const MIN_COLUMNS = 20

/** Lines that draw each stage's parts to scale on the one time axis that all share, an axis, and a legend. */
export function timelineLines(bars: readonly Bar[], width: number): string[] {
  const known = bars.flatMap(({ boundaries }) => boundaries.filter((at) => at !== null))
  const start = Math.min(...known)
  const span = Math.max(...known) - start
  if (!(span > 0)) return []
  const labelWidth = Math.max(...bars.map(({ label }) => label.length)) + 2
  const columns = Math.max(MIN_COLUMNS, width - labelWidth)
  const draw = ({ boundaries }: Bar): string =>
    Array.from({ length: columns }, (_, column) =>
      markOf(boundaries, start + (span * column) / columns, start + (span * (column + 1)) / columns),
    ).join('')
  const margin = ' '.repeat(labelWidth)
  const end = duration(span)
  return [
    ...bars.map((bar) => (bar.label.padEnd(labelWidth) + draw(bar)).trimEnd()),
    `${margin}0${end.padStart(columns - 1)}`,
    `${margin}${parts.map(({ name, mark }) => `${mark} ${name}`).join('   ')}   one column is ${duration(span / columns)}`,
  ]
}

/** The part that fills most of the time from `from` to `to`. */
function markOf(boundaries: Bar['boundaries'], from: number, to: number): string {
  let mark = ' '
  let most = 0
  for (const [index, part] of parts.entries()) {
    const begin = boundaries[index] ?? null
    const end = boundaries[index + 1] ?? null
    if (begin === null || end === null) break
    const overlap = Math.min(end, to) - Math.max(begin, from)
    if (overlap > most) {
      most = overlap
      mark = part.mark
    }
  }
  return mark
}
