import { setTimeout as sleep } from 'node:timers/promises'

/** Counts what stages were given again, by their metrics. */
export interface Redeliveries extends AsyncDisposable {
  /** To be told of every line that a process writes: one of them names the port of its metrics. */
  onLine(process: string, line: string): void
  /** How many were seen so far. What a life counted in its last second is lost with it. */
  seen(): number
}

const EVERY_MS = 1000
const counter = /^throughline_messages_total\{.*outcome="redelivered".*\} (\d+)/gm

export function watchRedeliveries(): Redeliveries {
  const ports = new Map<string, string>()
  // A port stands for one life of a process; its counter only grows.
  const counts = new Map<string, number>()
  const over = new AbortController()
  const look = async (port: string) => {
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(EVERY_MS)])
    // A process that is gone, or frozen, does not answer.
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal })
      .then((response) => response.text())
      .catch(() => '')
    const found = [...answer.matchAll(counter)].reduce((sum, [, count]) => sum + Number(count), 0)
    counts.set(port, Math.max(found, counts.get(port) ?? 0))
  }
  const watch = async () => {
    while (!over.signal.aborted) {
      await Promise.all([...ports.values()].map(look))
      await sleep(EVERY_MS)
    }
  }
  const watching = watch()
  return {
    onLine(process, line) {
      const port = /answer on port (\d+)/.exec(line)?.[1]
      if (port !== undefined) ports.set(process, port)
    },
    seen: () => counts.values().reduce((sum, count) => sum + count, 0),
    async [Symbol.asyncDispose]() {
      over.abort()
      await watching
    },
  }
}
