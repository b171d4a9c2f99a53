export interface Gathering<T> {
  /** Does some together. */
  readonly work: (together: readonly T[]) => Promise<void>
  readonly sizeOf: (item: T) => number
  /** What is done together has this size at most, or is one item. */
  readonly most: number
  /** So many lots are in work side by side. */
  readonly atOnce: number
}

interface Waiting<T> {
  readonly item: T
  readonly done: PromiseWithResolvers<void>
}

/**
 * Does together, in their order, what is given at the same moment or waits for its turn. Whoever gives something is told
 * when the work on its lot is done, or why that failed.
 */
export function createGathering<T>({ work, sizeOf, most, atOnce }: Gathering<T>): (item: T) => Promise<void> {
  const queue: Waiting<T>[] = []
  let running = 0
  const start = () => {
    for (; running < atOnce && queue.length > 0; running += 1) {
      void run(queue.splice(0, lotSize(queue, sizeOf, most)))
    }
  }
  const run = async (lot: readonly Waiting<T>[]) => {
    try {
      await work(lot.map(({ item }) => item))
      for (const { done } of lot) done.resolve()
    } catch (error) {
      for (const { done } of lot) done.reject(error)
    }
    running -= 1
    start()
  }
  return (item) => {
    const done = Promise.withResolvers<void>()
    // Others may be given before this tick ends.
    if (queue.push({ item, done }) === 1) queueMicrotask(start)
    return done.promise
  }
}

/** How many from the front of the queue go together: one at least. */
function lotSize<T>(queue: readonly Waiting<T>[], sizeOf: (item: T) => number, most: number): number {
  let size = 0
  const end = queue.findIndex(({ item }, index) => {
    size += sizeOf(item)
    return index > 0 && size > most
  })
  return end === -1 ? queue.length : end
}
