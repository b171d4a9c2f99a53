/** How long a process may be silent, neither working nor waiting for a server, before it counts as stuck. */
const SILENCE_MS = 60_000

/** Whoever counts what a process has to wait for. */
export interface OutageListener {
  /** An attempt failed and is made again. */
  readonly failed: (what: string) => void
  readonly worksAgain: (what: string) => void
}

/** What a process says of itself to whoever supervises it. */
export interface Health {
  /** Work goes on: a fetch came back, a heartbeat was answered, a batch was done. */
  progressed(): void
  /** An attempt failed and is made again. */
  failed(what: string): void
  /** The process begins to wait, on purpose, for what has just failed. Whether that is news: true once in an outage. */
  waitsFor(what: string): boolean
  /** One that waited for it does so no more, because it works or because there is no need. */
  waitedFor(what: string): void
  /** It works: for how many milliseconds it had not; undefined when it had, or somebody still waits for it. */
  works(what: string): number | undefined
  /** It is, or is no longer, connected and assigned. */
  connected(isConnected: boolean): void
  /** Makes progress, or waits on purpose. When not, a restart may help. */
  isAlive(): boolean
  /** Connected, assigned, and waiting for nobody. */
  isReady(): boolean
}

interface Outage {
  readonly since: number
  /** How many wait. None may be left while nobody has seen it work again. */
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
  const isWaiting = () => outages.values().some(({ waiting }) => waiting > 0)
  return {
    progressed() {
      latest = clock()
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
    isAlive: () => isWaiting() || clock() - latest < SILENCE_MS,
    isReady: () => isConnected && !isWaiting(),
  }
}
