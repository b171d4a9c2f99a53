/**
 * The timeout of each wait of a batch, in milliseconds. A wait without an answer is a failed attempt, which is repeated. What
 * takes longer than the longest timeout is stuck: see `isAlive` in health.ts.
 */
export const timeouts = {
  /** For a connection to Postgres, including a free one of the pool. */
  connect: 5000,
  statement: 8000,
  /** For one produce request, with connecting and kafkajs's own retries. One answer may take 75 s on Azure. */
  produce: 80_000,
  /** For all produce requests of a batch. */
  publish: 90_000,
  /** For exporting the traces of a batch. */
  export: 60_000,
  /** For one commit of offsets, which goes on beside the batches. */
  commit: 90_000,
} as const

export const longestTimeout = Math.max(...Object.values(timeouts))

/** The promise's result, or an error when it takes longer than `ms`. The work itself goes on, and its result is ignored. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer to ${what} for ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
