import { setTimeout as sleep } from 'node:timers/promises'

/** Counts redelivered records by the metrics of the stages. */
export interface Redeliveries extends AsyncDisposable {
  /** Call it with every line that a process writes: one of them has the port of its metrics. */
  onLine(process: string, line: string): void
  /** The count so far. Counts of a process's last second may be missing. */
  total(): number
}

const EVERY_MS = 1000
const counter = /^throughline_messages_total\{.*outcome="redelivered".*\} (\d+)/gm

export function watchRedeliveries(): Redeliveries {
  const ports = new Map<string, string>()
  // Each run of a process has its own port; its counter only grows.
  const counts = new Map<string, number>()
  const stopping = new AbortController()
  const scrape = async (port: string) => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(EVERY_MS)])
    // An exited or frozen process does not respond.
    const page = await fetch(`http://127.0.0.1:${port}/metrics`, { signal })
      .then((response) => response.text())
      .catch(() => '')
    const found = [...page.matchAll(counter)].reduce((sum, [, count]) => sum + Number(count), 0)
    counts.set(port, Math.max(found, counts.get(port) ?? 0))
  }
  const scrapeAll = async () => {
    while (!stopping.signal.aborted) {
      await Promise.all([...ports.values()].map(scrape))
      await sleep(EVERY_MS)
    }
  }
  const scraping = scrapeAll()
  return {
    onLine(process, line) {
      const port = /answer on port (\d+)/.exec(line)?.[1]
      if (port !== undefined) ports.set(process, port)
    },
    total: () => counts.values().reduce((sum, count) => sum + count, 0),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await scraping
    },
  }
}
