import { createHealth } from '../../telemetry/health.ts'
import { noopObserver } from '../../pipeline/observer.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { runMonitor } from '../../monitor/monitor.ts'
import type { FreshPipeline } from './fresh-pipeline.ts'

export interface RunningMonitor extends AsyncDisposable {
  /** The value of a series of /metrics, such as `throughline_monitor_active`, with some of its labels; undefined when it is absent. */
  gauge(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>
}

/** A monitor within the test's own process, that looks twice a second and waits two seconds for what may be missing. */
export function runFastMonitor(
  { config, log, database }: FreshPipeline,
  changes: Partial<FreshPipeline['config']> = {},
  isTracing = false,
): RunningMonitor {
  const stopping = new AbortController()
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  const pace = { every: 0.5, patience: 2, sweepEvery: 0.5 }
  const context = { config: { ...config, ...changes }, log, health: createHealth(), observer: noopObserver }
  const run = runMonitor(context, { metrics, database, pace, isTracing }, stopping.signal)
  return {
    async gauge(name, labels = {}) {
      const { text } = await metrics.page('')
      const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
      const line = text
        .split('\n')
        .find((each) => each.startsWith(`${name}{`) && wanted.every((label) => each.includes(label)))
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')))
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await run
    },
  }
}
