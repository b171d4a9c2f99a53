import { collectDefaultMetrics, Registry } from 'prom-client'
import { metricList, type MetricDefinition } from '../telemetry/metric-list.ts'

/** The labels of each series that a process can have, by its name; Prometheus adds which process it was. */
export function knownMetrics(): Map<string, readonly string[]> {
  const everywhere = ['stage', 'position', 'instance', 'job']
  const known = new Map<string, readonly string[]>()
  for (const [name, { type, labels }] of Object.entries<MetricDefinition>(metricList)) {
    const own = [...everywhere, ...labels]
    if (type !== 'histogram') known.set(name, own)
    else for (const part of ['count', 'sum', 'bucket']) known.set(`${name}_${part}`, [...own, 'le'])
  }
  const register = new Registry()
  collectDefaultMetrics({ register })
  for (const { name } of register.getMetricsAsArray()) known.set(name, everywhere)
  return known
}
