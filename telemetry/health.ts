import { longestTimeout } from './timeouts.ts'

/** How long a batch may be without progress before it counts as stuck: a busy process sees a timeout end late. */
const BATCH_SILENCE_MS = longestTimeout + 10_000

/** How long a process without a batch may be silent, neither fetching nor waiting for a server, before it counts as stuck. */
const SILENCE_MS = 60_000

/** Counts what a process has to wait for. */
export interface OutageListener {
  /** An attempt failed and is made again. */
  readonly failed: (what: string) => void
  readonly worksAgain: (what: string) => void
}

/** A batch in work. */
export interface BatchHealth {
  /** A step of it begins, worked, or failed and is tried again. */
  progressed(): void
  ended(): void
}

/** The state of a process, for its supervisor. */
export interface Health {
  /** Work goes on: a fetch came back, a heartbeat was answered. */
  progressed(): void
  /** A batch is in work. It has to make progress by itself, whatever the heartbeats say. */
  batchBegan(): BatchHealth
  /** An attempt failed and is made again. */
  failed(what: string): void
  /** The process begins to wait, on purpose, for what has just failed. Whether that is news: true once in an outage. */
  waitsFor(what: string): boolean
  /** A wait for it is over, because it works or because there is no need. */
  waitedFor(what: string): void
  /** It works: for how many milliseconds it had not; undefined when it had, or while another wait for it goes on. */
  works(what: string): number | undefined
  /** It is, or is no longer, connected and assigned. */
  connected(isConnected: boolean): void
  /**
   * Makes progress, or waits on purpose. When not, a restart may help. A batch makes progress when a step of it begins,
   * works or fails, and no step takes longer than the longest of the timeouts.
   */
  isAlive(): boolean
  /** Connected, assigned, and waiting for no server. */
  isReady(): boolean
}

interface Outage {
  readonly since: number
  /** How many wait. It may be 0 while the server was not seen to work again. */
  waiting: number
}

/** @param clock milliseconds that only go forward */
export function createHealth(
  clock: () => number = () => performance.now(),
  listener?: OutageListener,
): Health {
  let latest = clock()
  let isConnected = false
  const outages = new Map<string, Outage>()
  const batches = trackBatches(clock)
  const isWaiting = () => outages.values().some(({ waiting }) => waiting > 0)
  return {
    progressed() {
      latest = clock()
    },
    batchBegan() {
      const batch = batches.began()
      const ended = () => {
        batch.ended()
        latest = clock()
      }
      return { ...batch, ended }
    },
    failed: (what) => listener?.failed(what),
    waitsFor(what) {
      const known = outages.get(what)
      const outage = known ?? { since: clock(), waiting: 0 }
      outage.waiting += 1
      outages.set(what, outage)
      return known === undefined
    },
    waitedFor(what) {
      const outage = outages.get(what)
      if (outage !== undefined) outage.waiting -= 1
      latest = clock()
    },
    works(what) {
      const outage = outages.get(what)
      if (outage === undefined || outage.waiting > 0) return undefined
      outages.delete(what)
      listener?.worksAgain(what)
      return clock() - outage.since
    },
    connected(now) {
      isConnected = now
      latest = clock()
    },
    isAlive: () =>
      batches.count() > 0 ? !batches.isAnyStuck() : isWaiting() || clock() - latest < SILENCE_MS,
    isReady: () => isConnected && !isWaiting(),
  }
}

/** The batches in work, each with the time of its latest progress. */
function trackBatches(clock: () => number) {
  const progressedAt = new Map<symbol, number>()
  return {
    count: () => progressedAt.size,
    isAnyStuck: () => progressedAt.values().some((at) => clock() - at >= BATCH_SILENCE_MS),
    began(): BatchHealth {
      const batch = Symbol('batch')
      const progressed = () => void progressedAt.set(batch, clock())
      progressed()
      return { progressed, ended: () => void progressedAt.delete(batch) }
    },
  }
}
