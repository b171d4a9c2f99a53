import type { StageMoment } from '../../monitor/moments.ts'

/** What a test makes a moment of; what it does not say stays as it was. */
export interface Change {
  readonly waiting?: number | readonly number[]
  /** Messages done on each partition since the beginning. */
  readonly committed?: number | readonly number[]
  /** Age of the oldest, in seconds; by default it grows with time and is 0 when nothing waits. */
  readonly age?: number | readonly number[]
  readonly members?: number
  /** Partitions that a member takes from; all of them by default, when there is one. */
  readonly assigned?: number
  /** The group has committed nothing: what is done is what was removed. */
  readonly isUncommitted?: true
  /** The broker does not let the oldest be read. */
  readonly isUnreadable?: true
  readonly wallJump?: number
}

/** Seconds between two samples. */
export const STEP = 5

const T0 = Date.UTC(2026, 0, 1)

/** The history of a stage, a sample every five seconds: each change is a sample. */
export function history(changes: readonly Change[], partitions = 1): StageMoment[] {
  let state = { waiting: of(0, partitions), committed: of(0, partitions), members: 1 }
  let wallMs = T0
  let since = of(T0, partitions)
  return changes.map((change, index) => {
    wallMs += STEP * 1000 + (change.wallJump ?? 0) * 1000
    const waiting = change.waiting === undefined ? state.waiting : of(change.waiting, partitions)
    const committed = change.committed === undefined ? state.committed : of(change.committed, partitions)
    since = since.map((from, one) => (state.waiting[one] === 0 ? wallMs : from))
    const ages = change.age === undefined ? undefined : of(change.age, partitions)
    if (ages !== undefined) since = ages.map((age) => wallMs - age * 1000)
    const isRead = (count: number) => count > 0 && !change.isUnreadable
    state = { waiting, committed, members: change.members ?? state.members }
    return {
      at: index * STEP,
      wallMs,
      members: state.members,
      working: Math.min(state.members, change.assigned ?? partitions),
      assigned: change.assigned ?? (state.members > 0 ? partitions : 0),
      partitions: waiting.map((count, partition) => ({
        partition: String(partition),
        waiting: count,
        committed: BigInt(committed[partition] ?? 0),
        isCommitted: !change.isUncommitted,
        end: BigInt((committed[partition] ?? 0) + count),
        oldestAt: isRead(count) ? since[partition] : undefined,
        oldestMessage: isRead(count) ? messageAt(partition, committed[partition]) : undefined,
      })),
    }
  })
}

/** The id of the message at an offset, as these histories have it. */
export function messageAt(partition: number, offset = 0): string {
  return `${partition}`.padStart(16, '0') + `${offset}`.padStart(16, '0')
}

function of(value: number | readonly number[], partitions: number): number[] {
  return typeof value === 'number' ? Array.from({ length: partitions }, () => value) : [...value]
}

/** So many samples, each made from its number. */
export function times(count: number, make: (index: number) => Change): Change[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
