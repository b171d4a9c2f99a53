import type { Histogram } from 'prom-client'

interface Bucket {
  readonly labels: { readonly le: number | '+Inf' }
  /** Values in this bucket alone. */
  count: number
  exemplar?: { labelSet: { trace_id: string }; value: number; timestamp: number }
  /** The batch that has shown an exemplar here. */
  shownBy: number
}

/**
 * A histogram without labels that takes a whole batch at once. prom-client's own takes one value at a time and makes a
 * handful of objects for each, a tenth of what a stage had to do; its registry makes a page of this one like of any other.
 */
export class BatchHistogram {
  readonly type = 'histogram'
  readonly name: string
  readonly help: string
  readonly #buckets: readonly Bucket[]
  readonly #bounds: readonly number[]
  #sum = 0
  #batches = 0

  /** @param bounds of the buckets, in rising order, without infinity */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#bounds = bounds
    this.#buckets = [...bounds, '+Inf' as const].map((le) => ({ labels: { le }, count: 0, shownBy: 0 }))
  }

  /** As the registry takes it, which asks for no more than its name, its type and `get`. */
  asMetric(): Histogram {
    return this as unknown as Histogram
  }

  /**
   * Adds a value of each of these. The first in a bucket that has a trace becomes the bucket's exemplar.
   * @param traceOf the trace to open for it; undefined when none is kept
   */
  observe<T>(
    all: readonly T[],
    valueOf: (one: T) => number,
    traceOf: (one: T) => string | undefined = () => undefined,
  ): void {
    this.#batches += 1
    for (const one of all) {
      const value = valueOf(one)
      if (!Number.isFinite(value)) throw new TypeError(`${value} is no value of ${this.name}`)
      this.#sum += value
      const bucket = this.#bucketOf(value)
      bucket.count += 1
      const traceId = bucket.shownBy === this.#batches ? undefined : traceOf(one)
      if (traceId === undefined) continue
      bucket.shownBy = this.#batches
      bucket.exemplar = { labelSet: { trace_id: traceId }, value, timestamp: Date.now() / 1000 }
    }
  }

  #bucketOf(value: number): Bucket {
    let index = 0
    while (value > (this.#bounds[index] ?? Number.POSITIVE_INFINITY)) index += 1
    const bucket = this.#buckets[index]
    if (bucket === undefined || Number.isNaN(value))
      throw new TypeError(`${value} is no value of ${this.name}`)
    return bucket
  }

  /** What the registry asks for when it makes a page. */
  get() {
    let count = 0
    const buckets = this.#buckets.map(({ labels, count: own, exemplar }) => {
      count += own
      return { labels, value: count, metricName: `${this.name}_bucket`, exemplar }
    })
    const sum = { labels: {}, value: this.#sum, metricName: `${this.name}_sum` }
    const total = { labels: {}, value: count, metricName: `${this.name}_count` }
    const { name, help, type } = this
    return { name, help, type, values: [...buckets, sum, total] }
  }
}
