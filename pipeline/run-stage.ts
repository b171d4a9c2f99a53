import { setImmediate as breath } from 'node:timers/promises'
import type { Outcome } from './compute.ts'
import type { Message } from './message.ts'
import type { Publication } from './publish.ts'
import type { Saved } from './save.ts'

/** What running a stage needs from its surroundings. Each of the last three tries again until it works. */
export interface Collaborators {
  /** Decodes a message and runs the stage on it. Pure; a message without an answer gives a dead letter. */
  readonly compute: (message: Message) => Outcome
  /** One transaction: rows and counters. Says what of the batch is to be sent. */
  readonly save: (outcomes: readonly Outcome[]) => Promise<Saved>
  /** Publishes results to the next topic and dead letters to theirs; the last stage records what has finished. */
  readonly publish: (saved: Saved) => Promise<Publication>
  /** Tells the broker that everything up to here is done. */
  readonly commit: () => Promise<void>
}

/**
 * One batch through one stage. The order is the promise that nothing is lost and nothing counts twice:
 * saved before published, so that a message on a topic always has its row; published before committed, so that a crash
 * brings the batch again and not its loss. What comes again finds its row, which says whether to send it once more.
 */
export async function runStage(messages: readonly Message[], with_: Collaborators): Promise<Publication> {
  const outcomes = await computeAll(messages, with_.compute)
  const saved = await with_.save(outcomes)
  const publication = await with_.publish(saved)
  await with_.commit()
  return publication
}

/** Between two breaths of a long computation, in which heartbeats are sent and answers are read. */
const BREATH_MS = 50

async function computeAll(
  messages: readonly Message[],
  compute: Collaborators['compute'],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let last = performance.now()
  for (const message of messages) {
    outcomes.push(compute(message))
    if (performance.now() - last < BREATH_MS) continue
    await breath()
    last = performance.now()
  }
  return outcomes
}
