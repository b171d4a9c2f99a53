import pRetry from 'p-retry'
import type { Admin } from '../../kafka/client.ts'
import { readBacklog } from '../../kafka/backlog.ts'
import type { Config } from '../../pipeline/config.ts'
import { routes } from '../../pipeline/route.ts'
import { sleep, waitUntil } from '../../telemetry/wait-until.ts'

/** The end offsets of the topics: 'add/3' is partition 3 of the topic that add reads. */
export type EndOffsets = ReadonlyMap<string, bigint>

/** The longest time between two commits of a partition while something waited there. */
export interface Stall {
  readonly ms: number
  /** Such as 'add/3'. */
  readonly where: string
  /** The longest time that reading all offsets took: on a busy machine everything waits for a processor. */
  readonly readingMs: number
}

export interface GroupWatch extends AsyncDisposable {
  /** Waits until nothing waits in front of any stage. @throws {WaitTimeout} when nothing moved for two minutes before that */
  settled(signal: AbortSignal): Promise<EndOffsets>
  longestStall(): Stall
}

const EVERY_MS = 500
const STUCK_MS = 120_000

interface Seen {
  readonly committed: bigint
  readonly since: number
}

/** All stages at one time. */
interface Sample {
  readonly ends: EndOffsets
  readonly waiting: bigint
}

/** Reads offsets, and keeps the longest stall that two readings show. */
function createSampler(admin: Admin, config: Config) {
  const seen = new Map<string, Seen>()
  const longest = { ms: 0, where: '', readingMs: 0 }
  const sample = async (): Promise<Sample> => {
    const begun = performance.now()
    const ends = new Map<string, bigint>()
    let total = 0n
    for (const route of routes(config)) {
      const backlog = await readBacklog(admin, route)
      const now = performance.now()
      for (const { partition, committed, end, waiting } of backlog) {
        const where = `${route.stage.name}/${partition}`
        ends.set(where, end)
        total += waiting
        const before = seen.get(where)
        const ms = now - (before?.since ?? now)
        if (waiting > 0n && ms > longest.ms) Object.assign(longest, { ms, where })
        if (waiting === 0n || committed !== before?.committed) seen.set(where, { committed, since: now })
      }
    }
    longest.readingMs = Math.max(longest.readingMs, performance.now() - begun)
    return { ends, waiting: total }
  }
  return { sample, longest }
}

/** Reads the offsets of all stages every half second, so a stall is known to that. */
export function watchGroups(admin: Admin, config: Config): GroupWatch {
  const { sample, longest } = createSampler(admin, config)
  const samples: Sample[] = []
  const stopping = new AbortController()
  const sampling = (async () => {
    while (!stopping.signal.aborted) {
      samples.unshift(await pRetry(sample, { retries: 5 }))
      samples.length = Math.min(samples.length, 2)
      await sleep(EVERY_MS, stopping.signal)
    }
  })()
  // `settled` reports it.
  sampling.catch(() => undefined)
  const stateOf = (one: Sample | undefined) => (one === undefined ? '' : `${one.waiting} ${[...one.ends].join()}`)
  return {
    async settled(signal) {
      samples.length = 0
      // Twice the same: what one stage has just sent is then in front of the next.
      const isSettled = () => {
        const [now, before] = samples
        return now?.waiting === 0n && stateOf(now) === stateOf(before) && now
      }
      const progress = () => stateOf(samples[0])
      const settling = waitUntil('No backlog', isSettled, { timeoutMs: STUCK_MS, everyMs: 100, progress, signal })
      const settled = await Promise.race([settling, sampling])
      return settled?.ends ?? new Map()
    },
    longestStall: () => longest,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.allSettled([sampling])
    },
  }
}
