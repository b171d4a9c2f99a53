import { afterAll, beforeAll, expect, test } from 'vitest'
import { startThroughline } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { beginScenario, readScenarioProgress } from '../sql/scenarios.ts'
import { waitUntil } from '../telemetry/wait-until.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { serveLocally } from './support/processes/local-http-server.ts'
import { throughline } from './support/processes/throughline-cli.ts'
import { runFastMonitor } from './support/running-monitor.ts'
import { runStages } from './support/running-stages.ts'

const running = new AsyncDisposableStack()
let pipeline: FreshPipeline

beforeAll(async () => {
  pipeline = running.use(await freshPipeline({ GRAFANA_URL: 'http://127.0.0.1:1' }))
  running.use(runStages(pipeline))
  running.use(runFastMonitor(pipeline))
  const isWell = async () =>
    (await pipeline.database.query(`select from stage_now where verdict <> 'OK' or at is null`)).rowCount === 0
  await waitUntil('all stages are well', isWell, { timeoutMs: 60_000 })
})
afterAll(() => running.disposeAsync())

const scenario = ({ env }: Pick<FreshPipeline, 'env'>, ...args: string[]) => throughline(['scenario', ...args], { env })

/** Answers as a Grafana below /charts that asks for a login. */
async function startGrafana() {
  const login = `Basic ${btoa('reader:pass/word')}`
  const server = await serveLocally(({ url, headers }, response) => {
    response.writeHead(url === '/charts/api/health' && headers.authorization === login ? 200 : 401).end('{}')
  })
  return { ...server, url: `${server.origin.replace('//', '//reader:pass%2Fword@')}/charts` }
}

/** What the monitor stores of a notification of Grafana about the first stage. */
async function storeAlert({ database }: FreshPipeline, fingerprint: string, { status = 'firing', ago = 0 } = {}) {
  const text = `insert into alert_notifications (status, alert, stage, starts_at, fingerprint)
    values ($1, 'Dead letters', 'add', now() - make_interval(secs => $2), $3)`
  await database.query(text, [status, ago, fingerprint])
}

test('an alert of before a scenario is none of its own', async () => {
  const { database } = pipeline
  const about = { about: 'a test', stage: null, fault: null, setting: {}, seconds: 0 }
  const id = await beginScenario(database, { name: 'test', ...about })
  await storeAlert(pipeline, 'old', { ago: 60 })
  expect(await readScenarioProgress(database, id, [])).toMatchObject({ firing: [] })
  await storeAlert(pipeline, 'new')
  expect(await readScenarioProgress(database, id, [])).toMatchObject({
    firing: [{ alert: 'Dead letters', stage: 'add' }],
  })
  for (const name of ['old', 'new']) await storeAlert(pipeline, name, { status: 'resolved' })
})

test('an alert is seen, withheld is not seen, and is not watched while an older one fires', async () => {
  await using grafana = await startGrafana()
  const env = { ...pipeline.env, GRAFANA_URL: grafana.url }
  const withheld = await scenario({ env }, 'poison')
  expect(withheld).toMatchObject({ code: 1, stderr: '' })
  expect(withheld.stdout).toMatch(/^NOT SEEN {4}the alert "Dead letters" fires for add$[^]*^poison: {2}1 of \d+ not seen$/m)

  const seen = scenario({ env }, 'poison')
  const count = async () => (await pipeline.database.query(`select from scenarios where ends_at > now()`)).rowCount
  await waitUntil('poison begins', async () => (await count()) === 1, { timeoutMs: 60_000 })
  await storeAlert(pipeline, 'one')
  expect(await seen).toMatchObject({ code: 0, stderr: '' })
  expect((await seen).stdout).toMatch(/^ +\d+ s {2}the alert "Dead letters" fires for add: it fires$/m)

  const older = await scenario({ env }, 'poison')
  expect(older).toMatchObject({ code: 0, stderr: '' })
  expect(older.stdout.replaceAll(/\n {12}/g, ' ')).toMatch(
    /^- {11}the alert "Dead letters" fires for add \(not watched: it fired already\)$/m,
  )
  await storeAlert(pipeline, 'one', { status: 'resolved' })
  for (const { stdout } of [withheld, await seen, older]) expect(stdout).not.toMatch(/reader|pass/)
})

test('a time that is too short or too long for a scenario is refused', async () => {
  expect(await scenario(pipeline, 'stop-stage', '--for', '19')).toMatchObject({
    code: 2,
    stderr: 'stop-stage needs 20 s until all can be seen: --for 19 is too short.\n',
  })
  const { code, stderr } = await scenario(pipeline, 'stop-stage', '--for', '601')
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/at most 600/) as string })
})

test('what a killed burst leaves in the outbox is sent when the next scenario begins', async () => {
  const { database, env } = pipeline
  await database.query(`
    create function keep() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger keep before delete on outbox for each row execute function keep();`)
  await using command = await startThroughline({
    name: 'scenario',
    args: ['scenario', 'burst'],
    env: childEnvironment({ ...env }),
  })
  const left = async () => (await database.query('select from outbox')).rowCount ?? 0
  await waitUntil('rows in the outbox', async () => (await left()) > 0, { timeoutMs: 60_000 })
  await command.stop({ signal: 'SIGKILL' })
  await database.query('drop trigger keep on outbox')
  expect(await left()).toBeGreaterThan(0)
  expect(await scenario(pipeline, 'duplicates')).toMatchObject({ code: 0, stderr: '' })
  expect(await left()).toBe(0)
})
