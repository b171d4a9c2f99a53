import { collectDefaultMetrics, Counter, Gauge, Registry, type RegistryContentType } from 'prom-client'
import { BatchHistogram } from './batch-histogram.ts'
import { firstSeries } from './first-series.ts'
import { metricList, type MetricDefinition, type MetricName, type Role } from './metric-list.ts'

type Labels = Readonly<Record<string, string | number>>

export interface Metrics {
  /** Adds to a counter. */
  count(name: MetricName, by?: number, labels?: Labels): void
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: Labels): void
  /** Sets a gauge to what it is whenever somebody asks. */
  ask(name: MetricName, value: () => number): void
  /** Brings more than one gauge up to date whenever somebody asks. */
  beforePage(update: () => void): void
  /** Forgets all series of a gauge: what is not known any more is absent, and not what it was. */
  forget(name: MetricName): void
  /** Adds a value of each of these to a histogram, with the trace to open for it: undefined when none is kept. */
  observe<T>(
    name: MetricName,
    all: readonly T[],
    valueOf: (one: T) => number,
    traceOf?: (one: T) => string | undefined,
  ): void
  /** The page for Prometheus: its content type, and the text. OpenMetrics, with exemplars, for whoever accepts it. */
  page(accept: string): Promise<{ readonly type: string; readonly text: string }>
}

/** Which process it is. */
export interface Identity {
  readonly stage: string
  readonly position: number
}

export function roleOf(stage: string): Role {
  return stage === 'generator' || stage === 'monitor' || stage === 'tracer' ? stage : 'stage'
}

/** The metrics of one process, all with its stage and position. */
export function createMetrics({ stage, position }: Identity): Metrics {
  const registry = new Registry()
  const page: Pick<Registry<RegistryContentType>, 'setContentType'> = registry
  registry.setDefaultLabels(inOrder({ stage, position }))
  collectDefaultMetrics({ register: registry })
  const get = createInstruments(roleOf(stage), registry)
  const updates: (() => void)[] = []
  const all = registry.getMetricsAsArray().map((metric) => ({ metric, name: metric.name }))
  return {
    count: (name, by = 1, labels = {}) => get(name, Counter).inc(labels, by),
    set: (name, value, labels = {}) => get(name, Gauge).set(inOrder(labels), value),
    ask: (name, value) => void updates.push(() => get(name, Gauge).set(value())),
    beforePage: (update) => void updates.push(update),
    forget: (name) => forget(get(name, Gauge), name),
    observe: (name, some, ...how) => get(name, BatchHistogram).observe(some, ...how),
    page: async (accept) => {
      for (const update of updates) update()
      const open = accept.includes('application/openmetrics-text')
      // prom-client makes the page of what the registry is said to be, so it is said anew each time. A page of
      // OpenMetrics takes "_total" from the names of counters, which the next page may need.
      page.setContentType(open ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE)
      for (const { metric, name } of all) metric.name = name
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}

/** Whoever lists series sorts labels as texts: "02" comes before "10". */
function inOrder(labels: Labels): Labels {
  const { position } = labels
  return position === undefined ? labels : { ...labels, position: String(position).padStart(2, '0') }
}

/** Makes the instruments of a role. Returns what finds one by its name and kind. */
function createInstruments(role: Role, registry: Registry) {
  const instruments = new Map(
    Object.entries<MetricDefinition>(metricList)
      .filter(([, definition]) => definition.of.includes(role))
      .map(([name, definition]) => [name, instrument(name, definition, registry)]),
  )
  for (const [name, series] of Object.entries(firstSeries(role))) {
    const counter = instruments.get(name)
    if (counter instanceof Counter) for (const labels of series) counter.inc(labels, 0)
  }
  return <T>(name: MetricName, kind: abstract new (...args: never[]) => T): T => {
    const found = instruments.get(name)
    if (found instanceof kind) return found
    throw new TypeError(`${name} is a ${metricList[name].type} of ${metricList[name].of.join(', ')}`)
  }
}

/** What has no labels of its own would begin again at 0. */
function forget(gauge: Gauge, name: MetricName): void {
  gauge.reset()
  if (metricList[name].labels.length === 0) gauge.remove()
}

function instrument(
  name: string,
  { type, help, labels, buckets = [] }: MetricDefinition,
  registry: Registry,
) {
  const common = { name, help, labelNames: labels, registers: [registry] }
  if (type === 'counter') return new Counter(common)
  if (type === 'gauge') return new Gauge(common)
  const histogram = new BatchHistogram(name, help, buckets)
  registry.registerMetric(histogram.asMetric())
  return histogram
}
