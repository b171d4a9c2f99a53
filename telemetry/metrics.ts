import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type RegistryContentType,
} from 'prom-client'
import { metricList, type MetricDefinition, type MetricName } from './metric-list.ts'

type Labels = Readonly<Record<string, string | number>>

export interface Metrics {
  /** Adds to a counter. */
  count(name: MetricName, by?: number, labels?: Labels): void
  /** Sets a gauge. */
  set(name: MetricName, value: number, labels?: Labels): void
  /** Forgets all series of a gauge: what is not known any more is absent, and not what it was. */
  forget(name: MetricName): void
  /** Adds a value to a histogram; with a trace id, as the exemplar of its bucket. */
  observe(name: MetricName, value: number, traceId?: string): void
  /** The page for Prometheus: its content type, and the text. OpenMetrics, with exemplars, for whoever accepts it. */
  page(accept: string): Promise<{ readonly type: string; readonly text: string }>
}

/** The metrics of one process, all with its stage and position. */
export function createMetrics(stage: string, position: number): Metrics {
  const registry = new Registry()
  const page: Pick<Registry<RegistryContentType>, 'setContentType'> = registry
  // Exemplars are refused by a registry that is not said to be of OpenMetrics from the beginning.
  page.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  registry.setDefaultLabels({ stage, position })
  collectDefaultMetrics({ register: registry })
  const instruments = new Map(
    Object.entries(metricList).map(([name, definition]) => [name, instrument(name, definition, registry)]),
  )
  const get = <T>(name: MetricName, kind: abstract new (...args: never[]) => T): T => {
    const found = instruments.get(name)
    if (found instanceof kind) return found
    throw new TypeError(`${name} is a ${metricList[name].type}`)
  }
  return {
    count: (name, by = 1, labels = {}) => get(name, Counter).inc(labels, by),
    set: (name, value, labels = {}) => get(name, Gauge).set(labels, value),
    forget: (name) => get(name, Gauge).reset(),
    observe: (name, value, traceId) => {
      const exemplar = traceId === undefined ? {} : { exemplarLabels: { trace_id: traceId } }
      get(name, Histogram).observe({ labels: {}, value, ...exemplar })
    },
    page: async (accept) => {
      const open = accept.includes('application/openmetrics-text')
      // prom-client makes the page of what the registry is said to be, so it is said anew each time.
      page.setContentType(open ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE)
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}

function instrument(
  name: string,
  { type, help, labels, buckets = [] }: MetricDefinition,
  registry: Registry,
) {
  const common = { name, help, labelNames: labels, registers: [registry] }
  if (type === 'counter') return new Counter(common)
  if (type === 'gauge') return new Gauge(common)
  return new Histogram({ ...common, buckets: [...buckets], enableExemplars: true })
}
