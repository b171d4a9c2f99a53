import type { GroupSample } from '../../monitor/sample.ts'

/** What befalls a stage in five seconds; what is not said is as on a calm day. */
export interface Fate {
  /** Messages that arrive in front of it. */
  readonly arrive: number
  /** How many it can do. */
  readonly serve: number
  /** Processes that run it; without any, Prometheus sees none either. */
  readonly members: number
  readonly deadLetters: number
  /** How long the messages that finish took, from end to end. */
  readonly seconds: number
  /** By the rows there and by the broker not. */
  readonly missing: number
}

const calm: Fate = { arrive: 5, serve: 1000, members: 1, deadLetters: 0, seconds: 0.02, missing: 0 }

/** Those that are not as calm as others. */
export type Fates = Readonly<Record<string, Partial<Fate>>>

export const fateOf = (stage: string, fates: Fates): Fate => ({ ...calm, ...fates[stage] })

/** What waits in front of one stage, as messages come and go: one partition, first come, first served. */
export function createQueue() {
  const waiting: { readonly since: number; count: number }[] = []
  let done = 0
  const count = () => waiting.reduce((sum, batch) => sum + batch.count, 0)
  return {
    pass({ arrive, serve, members }: Fate, wallMs: number): void {
      waiting.push({ since: wallMs, count: arrive })
      let left = members > 0 ? serve : 0
      for (const batch of waiting) {
        const taken = Math.min(batch.count, left)
        batch.count -= taken
        left -= taken
        done += taken
      }
      waiting.splice(0, waiting.findLastIndex((batch) => batch.count === 0) + 1)
    },
    sample({ members }: Fate): GroupSample {
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
