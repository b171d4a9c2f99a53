import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scenarios } from '../cli/scenario/scenarios.ts'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { startDemo, type RunningDemo } from './support/processes/running-demo.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

const running = new AsyncDisposableStack()
/** With real processes that obey scenarios, and a monitor. */
let pipeline: FreshPipeline
/** Every signal of a scenario is prevented: the monitor always says OK, and triggers change what rows say. */
let prevented: FreshPipeline

const noGrafana = { GRAFANA_URL: 'http://reader:pass%2Fword@127.0.0.1:1/charts' }
const wait = { timeout: 120_000, interval: 100 }

beforeAll(async () => {
  pipeline = running.use(await freshPipeline({ SCENARIOS: 'on', ...noGrafana }))
  prevented = running.use(await freshPipeline({ SCENARIOS: 'on', ...noGrafana }))
  running.use(runStages(prevented))
  running.use(saysAlwaysOk(prevented))
  await prevented.database.query(triggers)
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

/** A monitor that takes no sample and says that every stage is OK. */
function saysAlwaysOk({ database }: FreshPipeline): Disposable {
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

/** The fault of flaky-stage does nothing, a reason is another one, and neither entries nor duplicates are counted. */
const triggers = `
create function harmless() returns trigger language plpgsql as $$ begin
  if new.fault = 'flaky' then new.setting := '{"share": 0}'; end if; return new;
end $$;
create trigger harmless before insert on scenarios for each row execute function harmless();
create function other_reason() returns trigger language plpgsql as $$ begin
  if new.reason = 'not-json' then new.reason := 'stage-failed'; end if; return new;
end $$;
create trigger other_reason before insert on results for each row execute function other_reason();
create function not_counted() returns trigger language plpgsql as $$ begin
  new.entered := 0; new.duplicates := 0; return new;
end $$;
create trigger not_counted before insert or update on counters for each row execute function not_counted();`

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

async function expectMissed(name: string, missed: string): Promise<void> {
  const { code, stdout } = await scenario(prevented, name)
  expect(code).toBe(1)
  expect(stdout.replaceAll(/\n {12}/g, ' ')).toMatch(new RegExp(`^NOT SEEN {4}.*${missed}`, 'm'))
  expect(stdout).toMatch(new RegExp(`^${name}:  1 of \\d+ not seen$`, 'm'))
}

// Messages of these must not wait at stages that the others slow down.
describe('without a fault', () => {
  test.concurrent.each([
    ['poison', 'a dead letter at add: not-json'],
    ['duplicates', '100 duplicates are dropped'],
    ['burst', 'at least 500 more messages are in flight'],
  ])('%s is judged as not seen where "%s" is prevented', expectMissed)
})

describe('with a fault', () => {
  test.concurrent.each([
    ['slow-stage', 'the verdict of lcm is FALLING BEHIND'],
    ['stop-stage', 'the verdict of sine is STOPPED'],
    ['flaky-stage', 'at least 5 attempts of multiply fail'],
    ['hot-partition', 'and its sentence names partition 0'],
  ])('%s is judged as not seen where "%s" is prevented', expectMissed)
})

test.concurrent('database-away says after 5 s that nothing here owns Postgres', async () => {
  expect(await scenario(pipeline, 'database-away')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^Nothing here owns Postgres, .+\.\n$/) as string,
  })
})

/** Resolves when the monitor of a demo has taken a sample, and no stage is in trouble. */
async function untilWell(env: Record<string, string>): Promise<void> {
  const isWell = async () => {
    const { code, stdout } = await throughline(['status', '--json'], { env })
    return code === 0 && stdout.includes('"missing":0')
  }
  await waitUntil('all is well', isWell, { timeoutMs: 120_000, everyMs: 1000 })
}

test.concurrent('database-away in the demo: Postgres comes back, also when the command is killed', async () => {
  await using demo = await startDemo()
  await waitUntil('the demo', () => demo.output().includes('In another terminal'), { timeoutMs: 240_000 })
  const env = { ...demoEnvironment(demo), ...noGrafana }
  await untilWell(env)
  await using command = await startThroughline({ name: 'scenario', args: ['scenario', 'database-away'], env: { ...env } })
  const isAway = () => command.outputTail().includes('it is away')
  await waitUntil('Postgres is away', isAway, { timeoutMs: 60_000 })
  command.kill('SIGKILL')
  await untilWell(env)
  const { code, stdout, stderr } = await throughline(['scenario', 'database-away'], { env })
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/20 finished, 0 dead/)
})

/** The variables by which a command finds the demo's servers. */
function demoEnvironment(demo: RunningDemo): Record<string, string> {
  const portOf = (name: string) => new RegExp(`${name} is up at localhost:(\\d+)`).exec(demo.output())?.[1] ?? ''
  return { BOOTSTRAP_SERVERS: `localhost:${portOf('Kafka')}`, DB_PORT: portOf('Postgres') }
}

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
  using _ok = saysAlwaysOk(off)
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
