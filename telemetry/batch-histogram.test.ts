import { Histogram, Registry, type RegistryContentType } from 'prom-client'
import { expect, test } from 'vitest'
import { BatchHistogram } from './metrics.ts'

const bounds = [0.5, 1, 5]
const values = [0.1, 0.5, 0.6, 1, 1, 4.9, 5, 5.1, 100]

test.each([Registry.PROMETHEUS_CONTENT_TYPE, Registry.OPENMETRICS_CONTENT_TYPE])(
  'a page of %s is the same as that of prom-client’s own histogram',
  async (type) => {
    const [ours, theirs] = [new Registry<RegistryContentType>(), new Registry<RegistryContentType>()]
    for (const registry of [ours, theirs]) {
      registry.setContentType(type)
      registry.setDefaultLabels({ stage: 'lcm', position: '03' })
    }
    const histogram = new BatchHistogram('taken', 'How many.', bounds)
    ours.registerMetric(histogram.asMetric())
    histogram.observe(values.slice(0, 4), Number)
    histogram.observe(values.slice(4), Number)
    const own = new Histogram({ name: 'taken', help: 'How many.', buckets: bounds, registers: [theirs] })
    for (const value of values) own.observe(value)
    expect(await ours.metrics()).toBe(await theirs.metrics())
    expect(await ours.metrics()).toContain('taken_bucket{le="+Inf",stage="lcm",position="03"} 9')
  },
)
