import type { Message } from '../../pipeline/message.ts'

/** Which traces are kept besides those that were decided where the message entered. */
export interface KeepRules {
  readonly deadLetterTopic: string
  /** Seconds from entering to the end; 0 for no such rule. */
  readonly slowerThan: number
}

/**
 * Whether the trace of a message that came to its end is kept: the flag in its traceparent says so, it is a dead letter, or it
 * was slow. Decided by its record alone, so that the rows of all others need not be read.
 */
export function isKept(message: Message, { deadLetterTopic, slowerThan }: KeepRules): boolean {
  if (message.topic === deadLetterTopic || message.parent?.sampled) return true
  return isSlow(message.queuedAt - message.enteredAt, slowerThan)
}

/** @param ms how long it took until now */
export function isSlow(ms: number, slowerThan: number): boolean {
  return slowerThan > 0 && ms > slowerThan * 1000
}
