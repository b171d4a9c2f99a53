/** How long a process may be silent, neither working nor waiting for a server, before it counts as stuck. */
const SILENCE_MS = 60_000

/** What a process says of itself to whoever supervises it. */
export interface Health {
  /** Work goes on: a fetch came back, a heartbeat was answered, a batch was done. */
  progressed(): void
  /** The process begins or ends to wait, on purpose, for a server that is away. */
  waiting(isWaiting: boolean): void
  /** It is, or is no longer, connected and assigned. */
  connected(isConnected: boolean): void
  /** Makes progress, or waits on purpose. When not, a restart may help. */
  isAlive(): boolean
  /** Connected, assigned, and waiting for nobody. */
  isReady(): boolean
}

/** @param clock milliseconds that only go forward */
export function createHealth(clock: () => number = () => performance.now()): Health {
  let latest = clock()
  let waits = 0
  let isConnected = false
  return {
    progressed() {
      latest = clock()
    },
    waiting(isWaiting) {
      waits += isWaiting ? 1 : -1
      latest = clock()
    },
    connected(now) {
      isConnected = now
      latest = clock()
    },
    isAlive: () => waits > 0 || clock() - latest < SILENCE_MS,
    isReady: () => isConnected && waits === 0,
  }
}
