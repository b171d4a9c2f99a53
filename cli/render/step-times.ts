import type { Attempt, Step } from '../../sql/read-message.ts'

/** Milliseconds; null for what has not happened yet or is not told yet. */
export interface StepTimes {
  readonly wait: number
  readonly work: number
  readonly save: number | null
  readonly publish: number | null
  readonly total: number | null
}

/** How long a message was in a stage, in parts that add up. */
export function stepTimes(step: Step): StepTimes {
  return {
    wait: micros(step.startedAt - step.queuedAt),
    work: micros(step.computedAt - step.startedAt),
    save: step.sentAt === null ? null : micros(step.sentAt - step.computedAt),
    publish:
      step.sentAt === null || step.nextQueuedAt === null ? null : micros(step.nextQueuedAt - step.sentAt),
    total: step.nextQueuedAt === null ? null : micros(step.nextQueuedAt - step.queuedAt),
  }
}

/** From where it entered to the last that is known of it: queued on `finish`, or dead. Milliseconds. */
export function attemptTime({ steps, finishedAt }: Attempt): number {
  return micros((finishedAt ?? lastKnown(steps)) - Math.min(...steps.map(({ enteredAt }) => enteredAt)))
}

export function lastKnown(steps: readonly Step[]): number {
  return Math.max(...steps.map((step) => step.nextQueuedAt ?? step.sentAt ?? step.computedAt))
}

/** Microseconds are what Postgres keeps; the rest is what doubles add. */
function micros(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
