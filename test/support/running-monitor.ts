import { createHealth } from '../../telemetry/health.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { runMonitor } from '../../monitor/monitor.ts'
import type { FreshPipeline } from './fresh-pipeline.ts'

export interface RunningMonitor extends AsyncDisposable {
  /** The value of a metric with these labels, among others; undefined when it is absent. */
  gauge(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>
}

/** A monitor in the test's own process that samples twice a second, and reports messages as missing after two seconds. */
export function runFastMonitor(
  { config, log, database }: FreshPipeline,
  changes: Partial<FreshPipeline['config']> = {},
): RunningMonitor {
  const stopping = new AbortController()
  const metrics = createMetrics({ stage: 'monitor', position: 7 })
  const timing = { every: 0.5, missingAfter: 2, retentionEvery: 0.5 }
  const context = { config: { ...config, ...changes }, log, health: createHealth(), metrics }
  const run = runMonitor(context, { database, timing }, stopping.signal)
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

/** A monitor that takes no sample and says that every stage is OK. */
export function runMonitorThatSaysOk({ database }: FreshPipeline): Disposable {
  const insert = () => {
    const text = `insert into stage_samples (at, stage, waiting, missing, verdict, sentence)
      select now(), name, 0, 0, 'OK', name || ' is idle' from stages on conflict do nothing`
    // Between two samples the pipeline may be disposed of.
    database.query(text).catch(() => {})
  }
  insert()
  const timer = setInterval(insert, 1000)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
