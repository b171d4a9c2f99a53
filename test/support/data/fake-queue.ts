import type { GroupState } from '../../../monitor/samples.ts'

/** The load of a stage in one sampling interval. */
export interface Load {
  /** Messages that arrive. */
  readonly arrive: number
  /** Messages that it can process. */
  readonly serve: number
  /** Running processes; with 0, Prometheus scrapes none. */
  readonly members: number
  readonly deadLetters: number
  /** End-to-end seconds of the messages that finish. */
  readonly seconds: number
  /** Messages that have rows and no record. */
  readonly missing: number
}

const defaults: Load = { arrive: 5, serve: 1000, members: 1, deadLetters: 0, seconds: 0.02, missing: 0 }

/** By stage; the others have the default load. */
export type Loads = Readonly<Record<string, Partial<Load>>>

export const loadOf = (stage: string, loads: Loads): Load => ({ ...defaults, ...loads[stage] })

/** A fake topic with one partition, processed in order. */
export function createFakeQueue() {
  const waiting: { readonly since: number; count: number }[] = []
  let done = 0
  const count = () => waiting.reduce((sum, batch) => sum + batch.count, 0)
  return {
    pass({ arrive, serve, members }: Load, wallMs: number): void {
      waiting.push({ since: wallMs, count: arrive })
      let left = members > 0 ? serve : 0
      for (const batch of waiting) {
        const processed = Math.min(batch.count, left)
        batch.count -= processed
        left -= processed
        done += processed
      }
      waiting.splice(0, waiting.findLastIndex((batch) => batch.count === 0) + 1)
    },
    sample({ members }: Load): GroupState {
      const partition = {
        partition: '0',
        end: BigInt(done + count()),
        committed: BigInt(done),
        isCommitted: true,
        waiting: count(),
        oldestAt: waiting[0]?.since,
        oldestMessage: undefined,
      }
      const working = Math.min(1, members)
      return { members, working, assigned: working, partitions: [partition] }
    },
  }
}
