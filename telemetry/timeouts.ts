/**
 * Every wait of a batch has an end, in milliseconds. A wait that ends without an answer is a failed attempt, which is made
 * again. What takes longer than the longest of them is stuck: see `isAlive` in health.ts.
 */
export const timeouts = {
  /** For a connection to Postgres, a free one of the pool included. */
  connect: 5000,
  /** For one statement. */
  statement: 8000,
  /** For one produce request, with connecting and kafkajs's own retries. One answer may take 75 s on Azure. */
  produce: 80_000,
  /** For all produce requests of a batch. */
  publish: 90_000,
  /** For exporting the traces of a batch. */
  export: 60_000,
  /** For one commit of offsets. */
  commit: 90_000,
} as const

export const longestTimeout = Math.max(...Object.values(timeouts))

/** The promise's result, or an error when it takes longer than `ms`. What it stands for goes on and is not heard any more. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer to ${what} for ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
