import { expect, test } from 'vitest'
import { runGeneratorProcess } from '../pipeline/ingress/generator.ts'
import { createHealth } from '../telemetry/health.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { freshPipeline } from './support/fresh-pipeline.ts'

test('a generator is alive between its bursts, however long they are apart', async () => {
  await using pipeline = await freshPipeline({ SLEEP_MIN: '86400', SLEEP_MAX: '86400' })
  const { config, log } = pipeline
  const clock = { now: 0 }
  const health = createHealth(undefined, () => clock.now)
  const stopping = new AbortController()
  const running = runGeneratorProcess(
    { config, log, health, metrics: createMetrics({ stage: 'generator', position: 0 }) },
    stopping.signal,
  )
  clock.now = 61_000
  expect(health.isAlive()).toBe(false)
  await expect.poll(() => health.isAlive(), { timeout: 20_000 }).toBe(true)
  stopping.abort()
  await running
})
