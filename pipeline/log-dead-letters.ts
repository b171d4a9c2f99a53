import type { DeadLetter } from './compute.ts'
import type { Log } from '../telemetry/log.ts'
import { traceIdOf } from './message.ts'

/** One line for each reason in a batch, however many died of it; the others are named at the level debug. */
export function logDeadLetters(letters: readonly DeadLetter[], log: Log): void {
  for (const [reason, [first, ...others]] of Map.groupBy(letters, (letter) => letter.reason)) {
    if (first === undefined) continue
    const more = others.length > 0 ? ` (and ${others.length} more of this batch: ${reason})` : ''
    log.warn({ ...about(first), count: 1 + others.length }, `Dead letter: ${first.explanation}${more}`)
    for (const letter of others) log.debug(about(letter), `Dead letter: ${letter.explanation}`)
  }
}

function about({ message, reason }: DeadLetter) {
  return { messageId: message.id, traceId: traceIdOf(message), offset: message.offset, reason }
}
