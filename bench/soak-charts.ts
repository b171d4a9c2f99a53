import { max } from 'simple-statistics'
import type { Figures } from './suite.ts'

const [WIDTH, HEIGHT, COLUMNS, GAP] = [300, 90, 3, 34]

/** A small line chart of each series, as SVG: from 0 to its largest value, over the minutes of the run. */
export function chartsOf(samples: readonly Figures[], minutes: number): string {
  const names = Object.keys(samples[0] ?? {})
  const rows = Math.ceil(names.length / COLUMNS)
  const charts = names.map((name, index) => {
    const values = samples.map((sample) => sample[name] ?? 0)
    const [x, y] = [(index % COLUMNS) * (WIDTH + GAP) + GAP, Math.floor(index / COLUMNS) * (HEIGHT + 2 * GAP) + GAP]
    return `<g transform="translate(${x} ${y})">${chart(name, values, minutes)}</g>`
  })
  const [width, height] = [COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + 2 * GAP) + GAP]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...charts,
    '</svg>\n',
  ].join('\n')
}

function chart(name: string, values: readonly number[], minutes: number): string {
  const most = max([...values])
  const step = WIDTH / Math.max(1, values.length - 1)
  const points = values.map((value, at) => `${(at * step).toFixed(1)},${(HEIGHT * (1 - value / (most || 1))).toFixed(1)}`)
  return [
    `<text y="-6">${name}, at most ${most.toLocaleString('en-US', { maximumFractionDigits: 1 })}</text>`,
    `<path d="M0 0V${HEIGHT}H${WIDTH}" fill="none" stroke="#999"/>`,
    `<polyline points="${points.join(' ')}" fill="none" stroke="#1f60c4" stroke-width="1.5"/>`,
    `<text x="${WIDTH}" y="${HEIGHT + 14}" text-anchor="end" fill="#666">${minutes} min</text>`,
  ].join('')
}
