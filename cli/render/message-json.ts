import { rawJson } from '../../stages/json.ts'
import type { MessageHistory, Step } from '../../sql/read-message.ts'
import { isoTime } from '../iso-time.ts'
import { attemptTime, stepTimes } from './step-times.ts'

/** A message's history as values for JSON.stringify: every digit of the results, times to the microsecond. */
export function messageJson({ id, enteredFor, attempts }: MessageHistory): unknown {
  return {
    id,
    enteredFor,
    attempts: attempts.map((attempt) => ({
      attempt: attempt.attempt,
      state: attempt.state,
      replayedTo: attempt.replayedTo,
      finishedAt: time(attempt.finishedAt),
      endToEndMs: attempt.state === 'finished' ? attemptTime(attempt) : null,
      steps: attempt.steps.map(stepJson),
    })),
  }
}

function stepJson(step: Step): unknown {
  const { wait, work, save, publish, total } = stepTimes(step)
  return {
    ...step,
    attempt: undefined,
    result: step.result === null ? null : exactJson(step.result),
    offset: rawJson(step.offset),
    enteredAt: time(step.enteredAt),
    queuedAt: time(step.queuedAt),
    startedAt: time(step.startedAt),
    computedAt: time(step.computedAt),
    sentAt: time(step.sentAt),
    nextQueuedAt: time(step.nextQueuedAt),
    waitMs: wait,
    workMs: work,
    saveMs: save,
    publishMs: publish,
    totalMs: total,
  }
}

/** JSON.parse with the source text, which Node has and TypeScript's own types do not have yet. */
type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown

/** What JSON.stringify writes with the digits that the text has. */
function exactJson(text: string): unknown {
  const keepDigits: Reviver = (_, value, { source }) =>
    typeof value === 'number' && source !== undefined ? rawJson(source) : value
  return JSON.parse(text, keepDigits as Parameters<typeof JSON.parse>[1])
}

function time(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms)
}
