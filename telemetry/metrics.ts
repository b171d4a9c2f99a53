import { collectDefaultMetrics, Counter, Gauge, Registry, type RegistryContentType } from 'prom-client'
import { BatchHistogram } from './batch-histogram.ts'
import { metricList, type MetricDefinition, type MetricName, type Role } from './metric-list.ts'

type Labels = Readonly<Record<string, string | number>>

export interface Metrics {
  /**
   * Adds to a counter. Adding 0 makes its series begin at 0: one that begins with its first count shows no increase, and its
   * chart is empty until then.
   */
  count(name: MetricName, by?: number, labels?: Labels): void
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: Labels): void
  /** Removes the series of all gauges: a value that is not known any more is absent. */
  clearGauges(): void
  /** Calls `update` before each scrape, to set gauges. */
  onScrape(update: () => void): void
  /** Adds a value of each item to a histogram. The largest that has a trace becomes the exemplar of its bucket. */
  observe<T>(
    name: MetricName,
    items: readonly T[],
    valueOf: (item: T) => number,
    traceOf?: (item: T) => string | undefined,
  ): void
  /** The answer to a scrape. OpenMetrics, with exemplars, when the client accepts it. */
  page(accept: string): Promise<{ readonly type: string; readonly text: string }>
}

export function roleOf(stage: string): Role {
  return stage === 'generator' || stage === 'monitor' || stage === 'tracer' ? stage : 'stage'
}

/** The metrics of one process, all with its stage and position. */
export function createMetrics(identity: { readonly stage: string; readonly position: number }): Metrics {
  const registry: Registry<RegistryContentType> = new Registry()
  registry.setDefaultLabels(padded(identity))
  collectDefaultMetrics({ register: registry })
  const instruments = createInstruments(roleOf(identity.stage), registry)
  const get = <T>(name: MetricName, kind: abstract new (...args: never[]) => T): T => {
    const found = instruments.get(name)
    if (found instanceof kind) return found
    throw new TypeError(`${name} is a ${metricList[name].type} of ${metricList[name].of.join(', ')}`)
  }
  const updates: (() => void)[] = []
  const metrics = registry.getMetricsAsArray().map((metric) => ({ metric, name: metric.name }))
  return {
    count: (name, by = 1, labels = {}) => get(name, Counter).inc(labels, by),
    set: (name, value, labels = {}) => get(name, Gauge).set(padded(labels), value),
    clearGauges() {
      for (const [name, instrument] of instruments) {
        if (!(instrument instanceof Gauge)) continue
        instrument.reset()
        // `reset` leaves a gauge without labels at 0.
        if (metricList[name as MetricName].labels.length === 0) instrument.remove()
      }
    },
    onScrape: (update) => void updates.push(update),
    observe: (name, ...values) => get(name, BatchHistogram).observe(...values),
    page: async (accept) => {
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
