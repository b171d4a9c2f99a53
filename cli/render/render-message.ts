import type { Attempt, MessageHistory, Step } from '../../sql/read-message.ts'
import { rawJson } from '../../stages/json.ts'
import { duration } from '../../telemetry/time.ts'
import { tableLines, type Column } from './text.ts'
import { printable } from './text.ts'
import { timelineLines } from './timeline.ts'

/** The values that `toJson` writes: every digit of the results, times to the microsecond. */
export function messageJson(history: MessageHistory): unknown {
  const stepJson = (step: Step) => ({
    ...step,
    attempt: undefined,
    result: step.result === null ? null : exactJson(step.result),
    offset: rawJson(step.offset),
    ...stepTimes(step),
  })
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

/** In milliseconds; null when not known yet. The parts add up to the total. */
type Times = Readonly<Record<'waitMs' | 'workMs' | 'saveMs' | 'publishMs' | 'totalMs', number | null>>

/** The times of a message in a stage. */
function stepTimes({ queuedAt, startedAt, computedAt, sentAt, nextQueuedAt }: Step): Times {
  return {
    waitMs: between(queuedAt, startedAt),
    workMs: between(startedAt, computedAt),
    saveMs: between(computedAt, sentAt),
    publishMs: between(sentAt, nextQueuedAt),
    totalMs: between(queuedAt, nextQueuedAt),
  }
}

/** Postgres keeps microseconds; smaller digits are rounding errors of doubles. */
function between(from: number | null, to: number | null): number | null {
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
  const times = steps.map((step) => ({ ...step, ...stepTimes(step) }))
  return [
    prefix + headline(attempt),
    '',
    ...tableLines(resultColumns, steps, width),
    '',
    ...tableLines(timeColumns, [...times, totalOf(attempt, times)], width),
    '',
    ...timelineLines(steps.map(bar), width),
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

type TimeRow = Pick<Step, 'position' | 'stage'> & Times

const timeColumn = (title: string, name: keyof Times): Column<TimeRow> => {
  return { title, align: 'right', cell: (row) => duration(row[name]) }
}

/** It ends with the broker's time, which is in whole milliseconds. */
function publishTime(ms: number | null): string {
  return ms !== null && ms < 1 ? '< 1 ms' : duration(ms)
}

const timeColumns: readonly Column<TimeRow>[] = [
  positionColumn,
  { title: 'stage', shrinks: true, cell: ({ stage }) => stage },
  timeColumn('wait', 'waitMs'),
  timeColumn('work', 'workMs'),
  timeColumn('save', 'saveMs'),
  { title: 'publish', align: 'right', cell: ({ publishMs }) => publishTime(publishMs) },
  timeColumn('in all', 'totalMs'),
]

function totalOf(attempt: Attempt, times: readonly Times[]): TimeRow {
  const sum = (name: keyof Times) => {
    const known = times.map((each) => each[name]).filter((ms) => ms !== null)
    return known.length === 0 ? null : known.reduce((total, ms) => total + ms, 0)
  }
  return {
    position: null,
    stage: attempt.state === 'finished' ? 'end to end' : 'so far',
    waitMs: sum('waitMs'),
    workMs: sum('workMs'),
    saveMs: sum('saveMs'),
    publishMs: sum('publishMs'),
    totalMs: attemptTime(attempt),
  }
}

function bar({ stage, queuedAt, startedAt, computedAt, sentAt, nextQueuedAt }: Step) {
  return { label: stage, boundaries: [queuedAt, startedAt, computedAt, sentAt, nextQueuedAt] }
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
