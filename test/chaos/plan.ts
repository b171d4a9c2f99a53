import { seededRandom } from '../../stages/seeded-random.ts'
import { shuffled } from '../support/draws.ts'

/** -9; SIGSTOP and, after a while, SIGCONT; an orderly stop and another start. */
export const kinds = ['kill', 'freeze', 'restart'] as const
export type Kind = (typeof kinds)[number]

export const targets = ['stage', 'generator', 'Kafka', 'Postgres'] as const
export type Target = (typeof targets)[number]

/** Something bad that happens to one process. */
export interface Fault {
  /** When, in milliseconds after the beginning. */
  readonly atMs: number
  readonly kind: Kind
  readonly target: Target
  /** Which of several such processes, from 0 up to but not 1. */
  readonly which: number
  /** How long it is frozen, or away, in milliseconds. */
  readonly lastsMs: number
}

/** How many stages are hit for each time that the generator, Kafka and Postgres are. */
const STAGES = 4

/** Longer than the session timeout of the stages' consumers, which is 10 s: the group goes on without a frozen one. */
const FREEZE_MS = { from: 11_000, to: 16_000 }
const AWAY_MS = { from: 100, to: 4000 }
const GAP_MS = { from: 500, to: 5500 }

/**
 * What happens when, for as long as `durationMs`; the same for the same seed. Faults are drawn like cards from a shuffled
 * deck that holds all of them, so that a short run meets every kind as well.
 */
export function planFaults(seed: number, durationMs: number): Fault[] {
  const random = seededRandom(seed)
  const between = ({ from, to }: { from: number; to: number }) => Math.round(from + random() * (to - from))
  const deck = targets.flatMap((target) =>
    kinds.flatMap((kind) =>
      Array.from({ length: target === 'stage' ? STAGES : 1 }, () => ({ kind, target })),
    ),
  )
  const faults: Fault[] = []
  for (let atMs = between(GAP_MS); ;) {
    for (const { kind, target } of shuffled(random, deck)) {
      if (atMs >= durationMs) return faults
      const lastsMs = between(kind === 'freeze' ? FREEZE_MS : AWAY_MS)
      faults.push({ atMs, kind, target, which: random(), lastsMs })
      atMs += between(GAP_MS)
    }
  }
}
