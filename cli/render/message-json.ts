import { rawJson } from '../../stages/json.ts'
import type { MessageHistory, Step } from '../../sql/read-message.ts'
import { attemptTime, stepTimes } from './render-message.ts'
import { isoTimeOrNull } from './text.ts'

/** The values that JSON.stringify writes: every digit of the results, times to the microsecond. */
export function messageJson({ id, enteredFor, attempts }: MessageHistory): unknown {
  return {
    id,
    enteredFor,
    attempts: attempts.map((attempt) => ({
      attempt: attempt.attempt,
      state: attempt.state,
      replayedTo: attempt.replayedTo,
      finishedAt: isoTimeOrNull(attempt.finishedAt),
      endToEndMs: attempt.state === 'finished' ? attemptTime(attempt) : null,
      steps: attempt.steps.map(stepJson),
    })),
  }
}

const timeNames = ['enteredAt', 'queuedAt', 'startedAt', 'computedAt', 'sentAt', 'nextQueuedAt'] as const

function stepJson(step: Step): unknown {
  const { wait: waitMs, work: workMs, save: saveMs, publish: publishMs, total: totalMs } = stepTimes(step)
  return {
    ...step,
    attempt: undefined,
    result: step.result === null ? null : exactJson(step.result),
    offset: rawJson(step.offset),
    ...Object.fromEntries(timeNames.map((name) => [name, isoTimeOrNull(step[name])])),
    waitMs,
    workMs,
    saveMs,
    publishMs,
    totalMs,
  }
}

/** A reviver's third argument, which TypeScript's types of JSON.parse lack. */
type Reviver = (name: string, value: unknown, context: { readonly source?: string }) => unknown

/** The value of a JSON text whose numbers JSON.stringify writes with the same digits. */
function exactJson(text: string): unknown {
  const keepDigits: Reviver = (_, value, { source }) =>
    typeof value === 'number' && source !== undefined ? rawJson(source) : value
  return JSON.parse(text, keepDigits as Parameters<typeof JSON.parse>[1])
}
