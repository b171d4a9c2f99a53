interface CoalescerOptions<T> {
  /** Handles some items together. */
  readonly handle: (items: readonly T[]) => Promise<void>
  readonly sizeOf: (item: T) => number
  /** The most that items handled together add up to; a larger item is handled alone. */
  readonly maxSize: number
  /** The most calls of `handle` at the same time. */
  readonly concurrency: number
}

interface Queued<T> {
  readonly item: T
  readonly done: PromiseWithResolvers<void>
}

/**
 * Coalesces items that are added in the same tick, or while `handle` is busy, into one call of `handle`, in their order. The
 * promise of an item settles with its call.
 */
export function createCoalescer<T>(options: CoalescerOptions<T>): (item: T) => Promise<void> {
  const { handle, sizeOf, maxSize, concurrency } = options
  const queue: Queued<T>[] = []
  let running = 0
  const start = () => {
    for (; running < concurrency && queue.length > 0; running += 1) {
      void run(queue.splice(0, countTogether(queue, sizeOf, maxSize)))
    }
  }
  const run = async (together: readonly Queued<T>[]) => {
    try {
      await handle(together.map(({ item }) => item))
      for (const { done } of together) done.resolve()
    } catch (error) {
      for (const { done } of together) done.reject(error)
    }
    running -= 1
    start()
  }
  return (item) => {
    const done = Promise.withResolvers<void>()
    // More items may be added before this tick ends.
    if (queue.push({ item, done }) === 1) queueMicrotask(start)
    return done.promise
  }
}

/** How many items from the front of the queue are handled together: one at least. */
function countTogether<T>(queue: readonly Queued<T>[], sizeOf: (item: T) => number, maxSize: number): number {
  let size = 0
  const end = queue.findIndex(({ item }, index) => {
    size += sizeOf(item)
    return index > 0 && size > maxSize
  })
  return end === -1 ? queue.length : end
}
