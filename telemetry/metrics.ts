import { collectDefaultMetrics, Counter, Gauge, Registry, type Histogram, type RegistryContentType } from 'prom-client'
import { metricList, type MetricDefinition, type MetricName, type Role } from './metric-list.ts'

type Labels = Readonly<Record<string, string | number>>

export type Metrics = ReturnType<typeof createMetrics>

export function roleOf(stage: string): Role {
  return stage === 'generator' || stage === 'monitor' || stage === 'tracer' ? stage : 'stage'
}

/**
 * Milliseconds between two samples of the event loop's delay; Node's values include it. Each sample wakes the process: with the
 * default of 10 an idle stage takes 0.4 % of a core more.
 */
export const EVENT_LOOP_SAMPLE_MS = 100

/** The metrics of one process, all with its stage and position. */
export function createMetrics(identity: { readonly stage: string; readonly position: number }) {
  const registry: Registry<RegistryContentType> = new Registry()
  registry.setDefaultLabels(padded(identity))
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS })
  const instruments = createInstruments(roleOf(identity.stage), registry)
  const get = <T>(name: MetricName, kind: abstract new (...args: never[]) => T): T => {
    const found = instruments.get(name)
    if (found instanceof kind) return found
    throw new TypeError(`${name} is a ${metricList[name].type} of ${metricList[name].of.join(', ')}`)
  }
  const updates: (() => void)[] = []
  const metrics = registry.getMetricsAsArray().map((metric) => ({ metric, name: metric.name }))
  return {
    /**
     * Adds to a counter. Adding 0 makes its series begin at 0: one that begins with its first count shows no increase, and its
     * chart is empty until then.
     */
    count: (name: MetricName, by = 1, labels: Labels = {}) => get(name, Counter).inc(labels, by),
    /** Sets a gauge. */
    set: (name: MetricName, value: number, labels: Labels = {}) => get(name, Gauge).set(padded(labels), value),
    /** Removes the series of all gauges: a value that is not known any more is absent. */
    clearGauges() {
      for (const [name, instrument] of instruments) {
        if (!(instrument instanceof Gauge)) continue
        instrument.reset()
        // `reset` leaves a gauge without labels at 0.
        if (metricList[name as MetricName].labels.length === 0) instrument.remove()
      }
    },
    /** Calls `update` before each scrape, to set gauges. */
    onScrape: (update: () => void) => void updates.push(update),
    /** Adds a value of each item to a histogram, see {@link BatchHistogram}. */
    observe<T>(name: MetricName, ...values: Observation<T>): void {
      get(name, BatchHistogram).observe(...values)
    },
    /** The answer to a scrape. OpenMetrics, with exemplars, when the client accepts it. */
    page: async (accept: string) => {
      for (const update of updates) update()
      const isOpenMetrics = accept.includes('application/openmetrics-text')
      // The registry's content type decides the format. In OpenMetrics, prom-client takes "_total" from the names of the
      // counters for good.
      registry.setContentType(isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE)
      for (const { metric, name } of metrics) metric.name = name
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}

/** Labels are sorted as text: "02" comes before "10". */
function padded(labels: Labels): Labels {
  const { position } = labels
  return position === undefined ? labels : { ...labels, position: String(position).padStart(2, '0') }
}

/** The instruments of a role, by name. */
function createInstruments(role: Role, registry: Registry<RegistryContentType>) {
  return new Map(
    Object.entries<MetricDefinition>(metricList)
      .filter(([, definition]) => definition.of.includes(role))
      .map(([name, definition]) => [name, createInstrument(name, definition, registry)]),
  )
}

function createInstrument(name: string, definition: MetricDefinition, registry: Registry<RegistryContentType>) {
  const { type, help, labels, buckets = [] } = definition
  const common = { name, help, labelNames: labels, registers: [registry] }
  if (type === 'counter') return new Counter(common)
  if (type === 'gauge') return new Gauge(common)
  const histogram = new BatchHistogram(name, help, buckets)
  registry.registerMetric(histogram.asMetric())
  return histogram
}

interface Bucket {
  /** The largest value in it. */
  readonly bound: number
  /** Values in this bucket alone. */
  count: number
  exemplar?: { labelSet: { trace_id: string }; value: number; timestamp: number }
}

type Observation<T> = [items: readonly T[], valueOf: (item: T) => number, traceOf?: (item: T) => string | undefined]

/**
 * A histogram without labels that takes the values of a whole batch. prom-client's own takes one value at a time and creates a
 * handful of objects for each: 4 % of a stage's processor time and a tenth of its garbage (bench, drain).
 */
export class BatchHistogram {
  readonly type = 'histogram'
  readonly name: string
  readonly help: string
  readonly #buckets: readonly Bucket[]
  #sum = 0

  /** @param bounds of the buckets, in rising order, without infinity */
  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.help = help
    this.#buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound) => ({ bound, count: 0 }))
  }

  /** For the registry, which uses the name, the type and `get` alone. */
  asMetric(): Histogram {
    return this as unknown as Histogram
  }

  /**
   * Adds a value of each item. The largest of those that have a trace becomes the exemplar of its bucket.
   * @throws {TypeError} for what is no finite number
   */
  observe<T>(...[items, valueOf, traceOf]: Observation<T>): void {
    let traced: { value: number; traceId: string } | undefined
    for (const item of items) {
      const value = valueOf(item)
      if (!Number.isFinite(value)) throw new TypeError(`${value} is no value of ${this.name}`)
      this.#bucketOf(value).count += 1
      this.#sum += value
      const traceId = traced === undefined || value > traced.value ? traceOf?.(item) : undefined
      if (traceId !== undefined) traced = { value, traceId }
    }
    if (traced === undefined) return
    const { value, traceId } = traced
    this.#bucketOf(value).exemplar = { labelSet: { trace_id: traceId }, value, timestamp: Date.now() / 1000 }
  }

  #bucketOf(value: number): Bucket {
    return this.#buckets.find(({ bound }) => value <= bound) as Bucket
  }

  /** As prom-client's histograms have it. */
  get() {
    let count = 0
    const buckets = this.#buckets.map(({ bound, count: own, exemplar }) => {
      count += own
      const labels = { le: Number.isFinite(bound) ? bound : '+Inf' }
      return { labels, value: count, metricName: `${this.name}_bucket`, exemplar }
    })
    const sum = { labels: {}, value: this.#sum, metricName: `${this.name}_sum` }
    const total = { labels: {}, value: count, metricName: `${this.name}_count` }
    const { name, help, type } = this
    return { name, help, type, values: [...buckets, sum, total] }
  }
}
