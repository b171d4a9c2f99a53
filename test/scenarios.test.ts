import { afterAll, beforeAll, expect, test } from 'vitest'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { waitUntil } from '../telemetry/wait-until.ts'

const running = new AsyncDisposableStack()
let pipeline: FreshPipeline
beforeAll(async () => {
  pipeline = running.use(await freshPipeline({ SCENARIOS: 'on' }))
  for (const { name } of catalogue) {
    running.use(await startThroughline({ name, args: ['run', name], env: childEnvironment({ ...pipeline.env }) }))
  }
  running.use(runFastMonitor(pipeline))
  const query = `select from stage_now where at is not null and members > 0`
  const isRunning = async () => (await pipeline.database.query(query)).rowCount === catalogue.length
  await waitUntil('all stages run', isRunning, { timeoutMs: 120_000 })
})
afterAll(() => running.disposeAsync())

test.concurrent.each(['slow-stage', 'stop-stage', 'flaky-stage', 'hot-partition', 'burst', 'duplicates', 'poison'])(
  '%s',
  async (name) => {
    const result = await throughline(['scenario', name], { env: { ...pipeline.env, GRAFANA_URL: 'http://127.0.0.1:1' } })
    console.log(name, result.code, result.stdout, result.stderr)
    expect(result.code).toBe(0)
  },
)
