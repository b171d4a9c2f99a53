import type { Attempt, MessageHistory, Step } from '../../sql/read-message.ts'
import { duration } from '../../telemetry/time.ts'
import { tableLines, type Column } from './table.ts'
import { printable } from './text.ts'
import { timelineLines } from './timeline.ts'

/** The times of a message in a stage, in milliseconds; null when not known yet. The parts add up to the total. */
export function stepTimes({ queuedAt, startedAt, computedAt, sentAt, nextQueuedAt }: Step) {
  return {
    wait: micros(startedAt - queuedAt),
    work: micros(computedAt - startedAt),
    save: sentAt === null ? null : micros(sentAt - computedAt),
    publish: sentAt === null || nextQueuedAt === null ? null : micros(nextQueuedAt - sentAt),
    total: nextQueuedAt === null ? null : micros(nextQueuedAt - queuedAt),
  }
}

/** Milliseconds from entering to the latest known time: queued on `finish`, or dead. */
export function attemptTime({ steps, finishedAt }: Attempt): number {
  const latest = () => Math.max(...steps.map((step) => step.nextQueuedAt ?? step.sentAt ?? step.computedAt))
  return micros((finishedAt ?? latest()) - Math.min(...steps.map(({ enteredAt }) => enteredAt)))
}

/** Postgres keeps microseconds; smaller digits are rounding errors of doubles. */
function micros(ms: number): number {
  return Math.round(ms * 1000) / 1000
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
  return [
    prefix + headline(attempt),
    '',
    ...tableLines(resultColumns, steps.map(resultRow), width),
    '',
    ...tableLines(timeColumns, [...steps.map(timeRow), totalRow(attempt)], width),
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

const resultColumns: readonly Column[] = [
  { title: '', align: 'right' },
  { title: 'stage' },
  { title: 'result', shrinks: true },
]

function resultRow({ position, stage, outcome, result }: Step): string[] {
  return [String(position ?? ''), stage, result ?? `no answer: ${outcome}`]
}

const parts = ['wait', 'work', 'save', 'publish'] as const

const timeColumns: readonly Column[] = [
  { title: '', align: 'right' },
  { title: 'stage', shrinks: true },
  ...[...parts, 'in all'].map((title) => ({ title, align: 'right' as const })),
]

function timeRow(step: Step): string[] {
  const times = stepTimes(step)
  const durations = [...parts, 'total' as const].map((part) => duration(times[part]))
  return [String(step.position ?? ''), step.stage, ...durations]
}

function totalRow(attempt: Attempt): string[] {
  const times = attempt.steps.map(stepTimes)
  const sums = parts.map((part) => {
    const known = times.map((time) => time[part]).filter((time) => time !== null)
    return duration(known.length === 0 ? null : known.reduce((total, time) => total + time, 0))
  })
  const title = attempt.state === 'finished' ? 'end to end' : 'so far'
  return ['', title, ...sums, duration(attemptTime(attempt))]
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
    : `Message ${id} entered for ${enteredFor}, which has not consumed it within ${timeoutSeconds} s: is \`npx throughline run ${enteredFor}\` running?`
}
