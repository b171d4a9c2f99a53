import type { Message } from '../../pipeline/message.ts'

/** Which traces are kept besides those that the head decision keeps. */
export interface KeepRules {
  readonly deadLetterTopic: string
  /** Seconds from entry to end; 0 for no such rule. */
  readonly slowerThan: number
}

/**
 * The tail decision: a trace is kept when the flag in the message's traceparent says so, when the message is a dead letter, and
 * when it was slow. The record alone decides, so that the rows of all others need not be read.
 */
export function isKept(message: Message, { deadLetterTopic, slowerThan }: KeepRules): boolean {
  if (message.topic === deadLetterTopic || message.parent?.sampled) return true
  return isSlow(message.queuedAt - message.enteredAt, slowerThan)
}

/** @param ms age of the message */
export function isSlow(ms: number, slowerThan: number): boolean {
  return slowerThan > 0 && ms > slowerThan * 1000
}
