import type { StageSample } from '../../../monitor/samples.ts'
import { seededRandom } from './random.ts'

/** One sample of a test's history; fields that are left out stay as they were. */
export interface Change {
  readonly waiting?: number | readonly number[]
  /** The committed offset of each partition. */
  readonly committed?: number | readonly number[]
  /** Age of the oldest message in seconds; by default it grows with time and is 0 without a backlog. */
  readonly age?: number | readonly number[]
  readonly members?: number
  /** Partitions that a member is assigned; all of them by default, when there is a member. */
  readonly assigned?: number
  /** The group has committed nothing; `committed` counts deleted records. */
  readonly isUncommitted?: true
  /** The oldest record cannot be read. */
  readonly isUnreadable?: true
  readonly wallJump?: number
}

/** Seconds between two samples. */
export const STEP = 5

const T0 = Date.UTC(2026, 0, 1)

/** The history of a stage, a sample every five seconds: each change is a sample. */
export function history(changes: readonly Change[], partitions = 1): StageSample[] {
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

/** A number of samples, each made from its index. */
export function times(count: number, make: (index: number) => Change): Change[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** The mean rate of a generator with default settings: bursts of 1 to 20 messages, 1 to 10 seconds apart. */
const ARRIVALS_PER_SECOND = 10.5 / 5.5

/** An hour of bursty arrivals at a stage whose capacity is `share` of the mean rate, sampled every five seconds. */
export function burstyHour(share: number): Change[] {
  const random = seededRandom(1)
  const arrivals: number[] = []
  for (let at = 0; at < 3600; at += 1 + random() * 9) {
    const burst = 1 + Math.floor(random() * 20)
    for (let count = 0; count < burst; count += 1) arrivals.push(at)
  }
  // A message is done one service time after its arrival or after the previous message, whichever is later.
  let free = 0
  const done = arrivals.map((at) => (free = Math.max(free, at) + 1 / (ARRIVALS_PER_SECOND * share)))
  return Array.from({ length: 3600 / STEP }, (_, index) => {
    const now = index * STEP
    const committed = done.filter((at) => at <= now).length
    const waiting = arrivals.filter((at) => at <= now).length - committed
    return { committed, waiting, age: waiting === 0 ? 0 : now - (arrivals[committed] ?? now) }
  })
}
