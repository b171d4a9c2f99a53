import { duration } from '../../telemetry/time.ts'

/** The boundaries of a message's time in one stage, in order, in milliseconds; null from the first unknown one on. */
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

/** Lines that draw the parts of all stages to scale on one time axis, then the axis and a legend. */
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
  return [
    ...bars.map((bar) => (bar.label.padEnd(labelWidth) + draw(bar)).trimEnd()),
    `${margin}0${duration(span).padStart(columns - 1)}`,
    `${margin}${parts.map(({ name, mark }) => `${mark} ${name}`).join('   ')}   one column is ${duration(span / columns)}`,
  ]
}

/** The mark of the part that fills most of the time from `from` to `to`. */
function markOf(boundaries: Bar['boundaries'], from: number, to: number): string {
  const overlaps = parts.map((_, index) => {
    const [begin, end] = [boundaries[index] ?? null, boundaries[index + 1] ?? null]
    return begin === null || end === null ? 0 : Math.min(end, to) - Math.max(begin, from)
  })
  const most = Math.max(...overlaps)
  return most > 0 ? (parts[overlaps.indexOf(most)]?.mark ?? ' ') : ' '
}
