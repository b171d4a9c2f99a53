import { seededRandom, shuffled } from '../support/data/random.ts'

/**
 * SIGKILL; SIGSTOP and later SIGCONT; an orderly stop; a time of day that is ten minutes ahead or behind; connections that are
 * refused, or hang. Each is undone afterwards.
 */
export const faultKinds = ['kill', 'freeze', 'restart', 'clock ahead', 'clock behind', 'refuse', 'hang'] as const
export type FaultKind = (typeof faultKinds)[number]

const ofProcess = ['kill', 'freeze', 'restart', 'clock ahead', 'clock behind'] as const
const ofServer = ['kill', 'freeze', 'restart', 'refuse', 'hang'] as const

/** The kinds of fault of each target. */
export const targets = {
  stage: ofProcess,
  tracer: ofProcess,
  monitor: ofProcess,
  generator: ofProcess,
  Kafka: ofServer,
  Postgres: ofServer,
} as const
export type TargetKind = keyof typeof targets
export const targetKinds = Object.keys(targets) as TargetKind[]

/** A failure of one process. */
export interface Fault {
  /** Milliseconds after the beginning. */
  readonly atMs: number
  readonly kind: FaultKind
  readonly target: TargetKind
  /** Selects one of several such processes: from 0 up to, not including, 1. */
  readonly which: number
  /** Milliseconds from the beginning of the fault to its end. */
  readonly lastsMs: number
}

/** Faults of a stage for each fault of another target. */
const STAGE_FAULTS = 4

/** Longer than the consumers' session timeout of 10 s, so that the group rebalances without the frozen member. */
const FREEZE_MS = { from: 11_000, to: 16_000 }
const STOPPED_MS = { from: 100, to: 4000 }
const GAP_MS = { from: 500, to: 5500 }

/**
 * The faults of a run of `durationMs`; the same for the same seed. They are drawn from a shuffled list of all kinds, so that
 * a short run has every kind too.
 */
export function planFaults(seed: number, durationMs: number): Fault[] {
  const random = seededRandom(seed)
  const between = ({ from, to }: { from: number; to: number }) => Math.round(from + random() * (to - from))
  const allFaults = targetKinds.flatMap((target) =>
    targets[target].flatMap((kind) =>
      Array.from({ length: target === 'stage' ? STAGE_FAULTS : 1 }, () => ({ kind, target })),
    ),
  )
  const faults: Fault[] = []
  for (let atMs = between(GAP_MS); ;) {
    for (const { kind, target } of shuffled(random, allFaults)) {
      if (atMs >= durationMs) return faults
      const isShort = kind === 'kill' || kind === 'restart' || kind === 'refuse'
      const lastsMs = between(isShort ? STOPPED_MS : FREEZE_MS)
      faults.push({ atMs, kind, target, which: random(), lastsMs })
      atMs += between(GAP_MS)
    }
  }
}
