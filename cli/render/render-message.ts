import type { Attempt, MessageHistory, Step } from '../../sql/read-message.ts'
import { rawJson } from '../../stages/json.ts'
import { duration } from '../../telemetry/time.ts'
import { printable, tableLines, type Column } from './text.ts'

/** The values that `toJson` writes: every digit of the results, times to the microsecond. */
export function messageJson(history: MessageHistory): unknown {
  const stepJson = (step: Step) => {
    const result = step.result === null ? null : exactJson(step.result)
    const [waitMs, workMs, saveMs, publishMs, totalMs] = timesOf(step)
    const times = { waitMs, workMs, saveMs, publishMs, totalMs }
    return { ...step, attempt: undefined, result, offset: rawJson(step.offset), ...times }
  }
  const attempts = history.attempts.map((attempt) => ({
    ...attempt,
    endToEndMs: attempt.state === 'finished' ? attemptTime(attempt) : null,
    steps: attempt.steps.map(stepJson),
  }))
  return { ...history, attempts }
}

/** A reviver's third argument, which TypeScript's types of JSON.parse lack. */
type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown

/** The value of a JSON text whose numbers JSON.stringify writes with the same digits. */
function exactJson(text: string): unknown {
  const keepDigits: Reviver = (_, value, { source }) =>
    typeof value === 'number' && source !== undefined ? rawJson(source) : value
  return JSON.parse(text, keepDigits as Parameters<typeof JSON.parse>[1])
}

/** The parts of a message's time in a stage, one between each two boundaries, with their marks in a drawing. */
const parts = [
  { name: 'wait', mark: '·' },
  { name: 'work', mark: '█' },
  { name: 'save', mark: '▒' },
  { name: 'publish', mark: '─' },
] as const

/** In order, in milliseconds; null from the first unknown one on. */
type Boundaries = readonly (number | null)[]

function boundariesOf({ queuedAt, startedAt, computedAt, sentAt, nextQueuedAt }: Step): Boundaries {
  return [queuedAt, startedAt, computedAt, sentAt, nextQueuedAt]
}

/** Milliseconds of each part, and last of all of them, which is their sum; null when not known yet. */
type Times = readonly (number | null)[]

function timesOf(step: Step): Times {
  const at = boundariesOf(step)
  return [...parts.map((_, index) => between(at[index], at[index + 1])), between(at[0], at.at(-1))]
}

/** Postgres keeps microseconds; smaller digits are rounding errors of doubles. */
function between(from: number | null = null, to: number | null = null): number | null {
  return from === null || to === null ? null : Math.round((to - from) * 1000) / 1000
}

/** Milliseconds from entering to the latest known time: queued on `finish`, or dead. */
function attemptTime({ steps, finishedAt }: Attempt): number | null {
  const latest = Math.max(...steps.map((step) => step.nextQueuedAt ?? step.sentAt ?? step.computedAt))
  return between(Math.min(...steps.map(({ enteredAt }) => enteredAt)), finishedAt ?? latest)
}

/** One message: for each attempt the results, the times, and the times drawn to scale. */
export function renderMessage({ id, attempts }: MessageHistory, width: number): string {
  const foreign = attempts[0]?.steps.find(({ traceId }) => traceId !== id)?.traceId
  const head = `Message ${id}${foreign === undefined ? '' : `\nTrace   ${foreign}`}`
  return [head, ...attempts.map((attempt) => renderAttempt(attempt, attempts.length, width))].join('\n\n')
}

function renderAttempt(attempt: Attempt, count: number, width: number): string {
  const prefix = count > 1 ? `Attempt ${attempt.attempt}: ` : ''
  const { steps } = attempt
  if (steps.length === 0) return `${prefix}sent to ${attempt.replayedTo}, which has not consumed it yet`
  const rows = steps.map((step) => ({ ...step, boundaries: boundariesOf(step), times: timesOf(step) }))
  return [
    prefix + headline(attempt),
    '',
    ...tableLines(resultColumns, steps, width),
    '',
    ...tableLines(timeColumns, [...rows, totalOf(attempt, rows)], width),
    '',
    ...timelineLines(rows, width),
  ].join('\n')
}

function headline(attempt: Attempt): string {
  const time = duration(attemptTime(attempt))
  const last = attempt.steps.at(-1)
  if (attempt.state === 'finished') return `finished, ${time} end to end`
  if (attempt.state === 'in flight') return `not finished, last seen at ${last?.stage} after ${time}`
  const dead = attempt.steps.find(({ outcome }) => outcome !== 'processed')
  return `dead at ${dead?.stage} after ${time}: ${dead?.outcome}\n${printable(dead?.explanation ?? '')}`
}

const positionColumn: Column<Pick<Step, 'position'>> = {
  title: '',
  align: 'right',
  cell: ({ position }) => String(position ?? ''),
}

const resultColumns: readonly Column<Step>[] = [
  positionColumn,
  { title: 'stage', cell: ({ stage }) => stage },
  { title: 'result', shrinks: true, cell: ({ result, outcome }) => result ?? `no answer: ${outcome}` },
]

type TimeRow = Pick<Step, 'position' | 'stage'> & { readonly times: Times }

const timeColumns: readonly Column<TimeRow>[] = [
  positionColumn,
  { title: 'stage', shrinks: true, cell: ({ stage }) => stage },
  ...[...parts.map(({ name }) => name), 'in all'].map((title, index): Column<TimeRow> => {
    // Publishing ends with the broker's time, which is in whole milliseconds.
    const format = (ms: number | null) => (title === 'publish' && ms !== null && ms < 1 ? '< 1 ms' : duration(ms))
    return { title, align: 'right', cell: ({ times }) => format(times[index] ?? null) }
  }),
]

function totalOf(attempt: Attempt, rows: readonly TimeRow[]): TimeRow {
  const sums = parts.map((_, index) => {
    const known = rows.map(({ times }) => times[index] ?? null).filter((ms) => ms !== null)
    return known.length === 0 ? null : known.reduce((total, ms) => total + ms, 0)
  })
  const stage = attempt.state === 'finished' ? 'end to end' : 'so far'
  return { position: null, stage, times: [...sums, attemptTime(attempt)] }
}

/** Why a message has no end to show, for standard error; undefined when it has one. */
export function renderUnfinished({ id, enteredFor, attempts }: MessageHistory, timeoutSeconds: number): string | undefined {
  const last = attempts.at(-1)
  if (last?.state === 'in flight')
    return `It has not finished within ${timeoutSeconds} s: \`npx throughline status\` shows what waits.`
  if (last !== undefined) return undefined
  return enteredFor === null
    ? `Message ${id} was not seen within ${timeoutSeconds} s.`
    : `Message ${id} entered for ${enteredFor}, which has not consumed it within ${timeoutSeconds} s: does a process of it run?`
}

/** What is drawn of a stage. */
type Bar = Pick<Step, 'stage'> & { readonly boundaries: Boundaries }

const MIN_COLUMNS = 20

/** Lines that draw the parts of all stages to scale on one time axis, then the axis and a legend. */
export function timelineLines(bars: readonly Bar[], width: number): string[] {
  const known = bars.flatMap(({ boundaries }) => boundaries.filter((at) => at !== null))
  const start = Math.min(...known)
  const span = Math.max(...known) - start
  if (!(span > 0)) return []
  const labelWidth = Math.max(...bars.map(({ stage }) => stage.length)) + 2
  const columns = Math.max(MIN_COLUMNS, width - labelWidth)
  const draw = ({ boundaries }: Bar): string =>
    Array.from({ length: columns }, (_, column) =>
      markOf(boundaries, start + (span * column) / columns, start + (span * (column + 1)) / columns),
    ).join('')
  const margin = ' '.repeat(labelWidth)
  return [
    ...bars.map((bar) => (bar.stage.padEnd(labelWidth) + draw(bar)).trimEnd()),
    `${margin}0${duration(span).padStart(columns - 1)}`,
    `${margin}${parts.map(({ name, mark }) => `${mark} ${name}`).join('   ')}   one column is ${duration(span / columns)}`,
  ]
}

/** The mark of the part that fills most of the time from `from` to `to`. */
function markOf(boundaries: Boundaries, from: number, to: number): string {
  const overlaps = parts.map((_, index) => {
    const [begin, end] = [boundaries[index] ?? null, boundaries[index + 1] ?? null]
    return begin === null || end === null ? 0 : Math.min(end, to) - Math.max(begin, from)
  })
  const most = Math.max(...overlaps)
  return most > 0 ? (parts[overlaps.indexOf(most)]?.mark ?? ' ') : ' '
}
