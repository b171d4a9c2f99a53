import type { Metrics } from './metrics.ts'
import { longestTimeout } from './timeouts.ts'

/** A batch without progress for longer is stuck; the margin is for a busy process, which notices a timeout late. */
const BATCH_SILENCE_MS = longestTimeout + 10_000

/** A process without a batch that neither fetches nor waits for a server for longer is stuck. */
const SILENCE_MS = 60_000

interface Outage {
  readonly since: number
  /** Waits under way. 0 when all gave up and the server was not seen to work again. */
  waiting: number
}

/** The state of a process, for its supervisor. */
export type Health = ReturnType<typeof createHealth>

/**
 * @param metrics counts retries and reconnects
 * @param clock milliseconds, monotonic
 */
export function createHealth(metrics?: Metrics, clock = () => performance.now()) {
  let latest = clock()
  let isConnected = false
  const outages = new Map<string, Outage>()
  /** The batches in work, and when each made progress last. */
  const batches = new Set<{ latest: number }>()
  const isWaiting = () => outages.values().some(({ waiting }) => waiting > 0)
  /** A fetch came back, or a heartbeat was answered. */
  const progressed = () => void (latest = clock())
  return {
    progressed,
    /** A batch has to make progress of its own, whatever the heartbeats say. */
    batchBegan() {
      const batch = { latest: clock() }
      batches.add(batch)
      return {
        /** A step of it begins, worked, or failed and is retried. */
        progressed: () => void (batch.latest = clock()),
        ended() {
          batches.delete(batch)
          progressed()
        },
      }
    },
    /** An attempt failed and will be repeated. */
    failed: (what: string) => metrics?.count('throughline_retries_total', 1, { server: what }),
    /** The process begins to wait for what has failed. True for the first wait of an outage. */
    beginWait(what: string): boolean {
      const known = outages.get(what)
      outages.set(what, { since: known?.since ?? clock(), waiting: (known?.waiting ?? 0) + 1 })
      return known === undefined
    },
    /** A wait is over, because it works or because there is no need any more. */
    endWait(what: string): void {
      const outage = outages.get(what)
      if (outage !== undefined) outage.waiting -= 1
      progressed()
    },
    /** It works. Returns the milliseconds of the outage that ends; undefined without one, or while another wait goes on. */
    recovered(what: string): number | undefined {
      const outage = outages.get(what)
      if (outage === undefined || outage.waiting > 0) return undefined
      outages.delete(what)
      metrics?.count('throughline_reconnects_total', 1, { server: what })
      return clock() - outage.since
    },
    /** The process is, or is no longer, connected and assigned. */
    connected(now: boolean): void {
      isConnected = now
      progressed()
    },
    /**
     * Whether the process makes progress or waits for a server; when not, a restart may help. A batch makes progress when a
     * step of it begins, works or fails, and no step takes longer than the longest timeout.
     */
    isAlive: (): boolean =>
      batches.size > 0
        ? batches.values().every((batch) => clock() - batch.latest < BATCH_SILENCE_MS)
        : isWaiting() || clock() - latest < SILENCE_MS,
    /** Whether it is connected, assigned, and waits for no server. */
    isReady: (): boolean => isConnected && !isWaiting(),
  }
}
