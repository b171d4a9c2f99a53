import { duration } from './duration.ts'
import { printable } from './printable.ts'
import type { Attempt, MessageHistory, Step } from '../../sql/read-message.ts'
import { attemptTime, stepTimes } from './step-times.ts'
import { tableLines, type Column } from './table.ts'
import { timelineLines } from './timeline.ts'

/** Everything about one message for a person: per attempt the results, the times, and the times drawn to scale. */
export function renderMessage({ id, attempts }: MessageHistory, width: number): string {
  const foreign = attempts[0]?.steps.find(({ traceId }) => traceId !== id)?.traceId
  const head = `Message ${id}${foreign === undefined ? '' : `\nTrace   ${foreign}`}`
  return [head, ...attempts.map((attempt) => renderAttempt(attempt, attempts.length, width))].join('\n\n')
}

function renderAttempt(attempt: Attempt, count: number, width: number): string {
  const prefix = count > 1 ? `Attempt ${attempt.attempt}: ` : ''
  const { steps } = attempt
  if (steps.length === 0) return `${prefix}sent to ${attempt.replayedTo}, which has not taken it yet`
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
  { title: 'stage', align: 'left' },
  { title: 'result', align: 'left', shrinks: true },
]

function resultRow({ position, stage, outcome, result }: Step): string[] {
  return [String(position ?? ''), stage, result ?? `no answer: ${outcome}`]
}

const timeColumns: readonly Column[] = [
  { title: '', align: 'right' },
  { title: 'stage', align: 'left', shrinks: true },
  { title: 'wait', align: 'right' },
  { title: 'work', align: 'right' },
  { title: 'save', align: 'right' },
  { title: 'publish', align: 'right' },
  { title: 'in all', align: 'right' },
]

function timeRow(step: Step): string[] {
  const { wait, work, save, publish, total } = stepTimes(step)
  return [String(step.position ?? ''), step.stage, ...[wait, work, save, publish, total].map(duration)]
}

function totalRow(attempt: Attempt): string[] {
  const times = attempt.steps.map(stepTimes)
  const sum = (part: 'wait' | 'work' | 'save' | 'publish') => {
    const known = times.map((time) => time[part]).filter((time) => time !== null)
    return duration(known.length === 0 ? null : known.reduce((total, time) => total + time, 0))
  }
  return [
    '',
    attempt.state === 'finished' ? 'end to end' : 'so far',
    sum('wait'),
    sum('work'),
    sum('save'),
    sum('publish'),
    duration(attemptTime(attempt)),
  ]
}

function bar({ stage, queuedAt, startedAt, computedAt, sentAt, nextQueuedAt }: Step) {
  return { label: stage, boundaries: [queuedAt, startedAt, computedAt, sentAt, nextQueuedAt] }
}
