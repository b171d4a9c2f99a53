import { afterAll, beforeAll, expect, test } from 'vitest'
import { scenarios } from '../cli/scenario/scenarios.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { runFastMonitor, runMonitorThatSaysOk } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

const running = new AsyncDisposableStack()
/** With real processes that obey scenarios, and a monitor. */
let pipeline: FreshPipeline

const noGrafana = { GRAFANA_URL: 'http://reader:pass%2Fword@127.0.0.1:1/charts' }
const wait = { timeout: 120_000, interval: 100 }

beforeAll(async () => {
  pipeline = running.use(await freshPipeline({ SCENARIOS: 'on', ...noGrafana }))
  for (const { name } of catalogue) {
    running.use(await startThroughline({ name, args: ['run', name], env: childEnvironment({ ...pipeline.env }) }))
  }
  running.use(runFastMonitor(pipeline))
  const areRunning = async () => {
    const { rowCount } = await pipeline.database.query('select from stage_now where at is not null and members > 0')
    return rowCount === catalogue.length
  }
  await waitUntil('all stages run', areRunning, { timeoutMs: 120_000 })
})
afterAll(() => running.disposeAsync())

const scenario = ({ env }: Pick<FreshPipeline, 'env'>, ...args: string[]) => throughline(['scenario', ...args], { env })

async function expectTrue(name: string): Promise<void> {
  const { code, stdout, stderr } = await scenario(pipeline, name)
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expect.any(String) as string, stderr: '' })
  expect(stdout).toMatch(
    new RegExp(`^${name}: .+ Expected:$[^]*^Seen:$[^]*^${name}:  all was seen, and the system is back$`, 'm'),
  )
  expect(stdout).not.toMatch(/reader|pass/)
}

async function leases({ database }: FreshPipeline): Promise<number | null> {
  return (await database.query('select from scenarios where ends_at > now()')).rowCount
}

test.each(['duplicates', 'poison', 'burst'])('%s shows what it should', expectTrue)

// Messages of one must not wait at the stage that the other slows down.
test.concurrent.each(['hot-partition', 'stop-stage'])('%s shows what it should', expectTrue)

test.concurrent('database-away says after 5 s that nothing here owns Postgres', async () => {
  expect(await scenario(pipeline, 'database-away')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^Nothing here owns Postgres, .+\.\n$/) as string,
  })
})

test('killed half way, a scenario leaves no fault after its lease, and the stage works again', async () => {
  const args = ['scenario', 'stop-stage', '--for', '20']
  await using command = await startThroughline({ name: 'scenario', args, env: childEnvironment({ ...pipeline.env }) })
  const isObeyed = async () =>
    (await pipeline.database.query('select from scenarios where ends_at > now() and effects is not null')).rowCount
  await expect.poll(isObeyed, wait).toBe(1)
  command.kill('SIGKILL')
  expect(await scenario(pipeline, 'stop-stage')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^The scenario stop-stage still runs at sine: its fault ends by itself in \d+ s\.\n$/,
    ) as string,
  })
  await expect.poll(() => leases(pipeline), wait).toBe(0)
  const { stdout: id } = await throughline(['submit', '{"numbers":[4,9]}'], { env: pipeline.env })
  await expect
    .poll(async () => (await throughline(['follow', id.trim()], { env: pipeline.env })).stdout, wait)
    .toMatch(/^finished/m)
})

test('Ctrl-C ends the fault at once, and nothing is judged', async () => {
  const args = ['scenario', 'slow-stage']
  await using command = await startThroughline({ name: 'scenario', args, env: childEnvironment({ ...pipeline.env }) })
  await expect.poll(() => leases(pipeline), wait).toBe(1)
  const { code } = await command.stop({ signal: 'SIGINT' })
  expect(code).toBe(1)
  expect(command.outputTail()).toMatch(/^Interrupted: nothing was judged, and the fault ends within a second\.$/m)
  expect(await leases(pipeline)).toBe(0)
})

test.concurrent.each(['slow-stage', 'flaky-stage'])('%s shows what it should', expectTrue)

test('without SCENARIOS=on in the stages, and without a monitor, one sentence says what to do', async () => {
  await using off = await freshPipeline(noGrafana)
  expect(await scenario(off, 'slow-stage')).toMatchObject({
    code: 2,
    stderr: 'No monitor samples the pipeline, so nothing could be seen: start the process `monitor`.\n',
  })
  await using _ = runStages(off)
  using _ok = runMonitorThatSaysOk(off)
  await waitUntil('a sample', async () => (await off.database.query('select from stage_samples')).rowCount !== 0, {
    timeoutMs: 10_000,
  })
  expect(await scenario(off, 'slow-stage')).toMatchObject({
    code: 2,
    stderr: 'No process of lcm obeys scenarios: start the stages with SCENARIOS=on, as the demo and compose do.\n',
  })
  expect(await leases(off)).toBe(0)
})

test('there is a test for every scenario', () => {
  const tested = [
    'duplicates',
    'poison',
    'burst',
    'hot-partition',
    'stop-stage',
    'database-away',
    'slow-stage',
    'flaky-stage',
  ]
  expect(scenarios.map(({ name }) => name).toSorted()).toEqual(tested.toSorted())
})
