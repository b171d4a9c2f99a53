import { setImmediate as breath } from 'node:timers/promises'
import type { Outcome } from './compute.ts'
import type { Message } from './message.ts'
import type { Publication } from './publish.ts'
import type { Saved } from './save.ts'

/** What running a stage needs from its surroundings. */
export interface Collaborators {
  /** Decodes a message and runs the stage on it. Pure; a message without an answer gives a dead letter. */
  readonly compute: (message: Message) => Outcome
  /** One transaction: rows and counters. Says what is to be sent. Tries again until it works. */
  readonly save: (outcomes: readonly Outcome[]) => Promise<Saved>
  /**
   * Publishes results to the next topic and dead letters to theirs; the last stage records what has finished. Tries again
   * until it works.
   */
  readonly publish: (saved: Saved) => Promise<Publication>
  /** Tells the broker that so many of the messages are done. When that fails they come again, which does no harm. */
  readonly commit: (done: number) => Promise<void>
}

/**
 * The messages of a batch, or as many as are done in a moment, through one stage. The order is the promise that nothing
 * is lost and nothing counts twice: saved before published, so that a message on a topic always has its row; published
 * before committed, so that a crash brings the batch again and not its loss. What comes again finds its row, which says
 * whether to send it once more.
 */
export async function runStage(messages: readonly Message[], with_: Collaborators): Promise<Publication> {
  const outcomes = await computeSome(messages, with_.compute)
  const saved = await with_.save(outcomes)
  const publication = await with_.publish(saved)
  await with_.commit(outcomes.length)
  return publication
}

/** A group waits for its slowest member when it rebalances, and drops one that is not done in time. */
const MOMENT_MS = 1000
/** Rows and records are made in memory: these bound what a stage takes. A small body may have a large result. */
export const MOMENT_MESSAGES = 500
const MOMENT_CHARACTERS = 2_097_152
/** Between two breaths of a long computation, in which heartbeats are sent and answers are read. */
const BREATH_MS = 50

/** Computes at least one, and no more than fit into a moment. */
async function computeSome(
  messages: readonly Message[],
  compute: Collaborators['compute'],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  let characters = 0
  const begun = performance.now()
  let breathed = begun
  for (const message of messages.slice(0, MOMENT_MESSAGES)) {
    const outcome = compute(message)
    outcomes.push(outcome)
    characters += 'body' in outcome ? outcome.body.length : 0
    const time = performance.now()
    if (time - begun > MOMENT_MS || characters > MOMENT_CHARACTERS) break
    if (time - breathed < BREATH_MS) continue
    await breath()
    breathed = performance.now()
  }
  return outcomes
}
