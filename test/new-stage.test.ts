import { existsSync } from 'node:fs'
import { cp, readFile, realpath, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Child, runToEnd, startChild } from '../local/child-process.ts'
import { freePort, temporaryDirectory } from '../local/host-resources.ts'
import { script } from '../local/throughline-process.ts'
import { childEnvironment } from '../pipeline/config.ts'
import { pipeline as catalogue } from '../stages/index.ts'
import { freshPipeline, type FreshPipeline } from './support/fresh-pipeline.ts'
import { type OtlpReceiver, startOtlpReceiver } from './support/telemetry/otlp-receiver.ts'

const root = join(import.meta.dirname, '..')
const wait = { timeout: 240_000, interval: 200 }
const names = catalogue.map(({ name }) => name)
const [first = ''] = names
/** One stage after the first, and one at the end. */
const flow = [first, 'spread', ...names.slice(1), 'top-3']

const opened = new AsyncDisposableStack()
let copy: string
let pipeline: FreshPipeline
let receiver: OtlpReceiver
let env: NodeJS.ProcessEnv
/** The port of the metrics of each process. */
const ports = new Map<string, number>()

beforeAll(async () => {
  copy = opened.use(await temporaryDirectory()).path
  const left = new Set(['node_modules', '.git', '.cache', '.data'])
  await cp(root, copy, { recursive: true, filter: (path) => !left.has(basename(path)) })
  await symlink(await realpath(join(root, 'node_modules')), join(copy, 'node_modules'))
  // The tables and topics of a pipeline that runs without the new stages.
  pipeline = opened.use(await freshPipeline({ LOG_LEVEL: 'info' }))
  receiver = opened.use(await startOtlpReceiver())
  env = childEnvironment({ ...pipeline.env, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, METRICS_PORT: '0' })
})
afterAll(() => opened.disposeAsync())

const command = (...args: string[]) => ({ ...script(['cli/throughline.ts', ...args], env), cwd: copy })
const tool = (name: string, ...args: string[]) =>
  runToEnd({ name, command: join('node_modules', '.bin', name), args, cwd: copy })

async function startProcess(...args: string[]): Promise<Child> {
  const port = await freePort()
  ports.set(args.at(-1) ?? '', port)
  const options = command(...args)
  return opened.use(await startChild({ ...options, env: { ...options.env, METRICS_PORT: String(port) } }))
}

test('--dry-run prints every line, and writes nothing', async () => {
  const shown = await runToEnd(command('new-stage', 'spread', '--after', first, '--dry-run'))
  expect(shown).toContain('  +   compute: ({ numbers }) => Math.max(...numbers),')
  expect(shown).toContain(`${first} now writes to the topic spread, and spread from there to ${catalogue[1]?.reads}.`)
  expect(shown).toContain('Nothing was written.')
  expect(existsSync(join(copy, 'stages', 'spread.ts'))).toBe(false)
})

test('it writes two stages that pass lint, types, conformance and the checks of compose, Kubernetes and Azure', async () => {
  await runToEnd(command('new-stage', 'spread', '--after', first))
  const said = await runToEnd(command('new-stage', 'top-3'))
  expect(said).toContain(`${names.at(-1)} now writes to the topic top-3, and top-3 from there to finish.`)
  expect(said).toContain('docker compose up --build')
  await tool('oxfmt', '--check')
  await tool('oxlint', '--type-aware', '--deny-warnings', 'stages')
  await tool('tsc', '--noEmit')
  const checks = [
    'stages/conformance',
    'pipeline/route',
    'deploy',
    'test/compose/compose-azure',
    'test/compose/compose-file',
  ]
  expect(await tool('vitest', 'run', '--project', 'unit', ...checks)).toMatch(/[1-9]\d* passed, 0 failed/)
})

test('a name that is taken is one sentence, and changes nothing', async () => {
  const before = await readFile(join(copy, 'stages', 'index.ts'), 'utf8')
  const refused = runToEnd(command('new-stage', 'spread'))
  await expect(refused).rejects.toThrow(/exit code 2:\nThere is a stage spread already\. Nothing was written\.$/)
  expect(await readFile(join(copy, 'stages', 'index.ts'), 'utf8')).toBe(before)
})

test('on a pipeline that ran without them, a message passes both stages and is found in rows, views, metrics and spans', async () => {
  await runToEnd(command('migrate'))
  await Promise.all([...flow.map((name) => startProcess('run', name)), startProcess('monitor'), startProcess('tracer')])
  const id = (await runToEnd(command('submit', '{"numbers":[3,9,4]}'))).trim()
  const select = async (text: string, values: unknown[] = []) =>
    (await pipeline.database.query<Record<string, unknown>>(text, values)).rows
  const steps = () => select('select position, stage from steps where message_id = $1::uuid order by position', [id])
  await expect.poll(steps, wait).toEqual(flow.map((stage, index) => ({ position: index + 1, stage })))
  const added = "select stage, result::text from results where message_id = $1::uuid and stage in ('spread', 'top-3')"
  expect(await select(`${added} order by stage`, [id])).toEqual([
    { stage: 'spread', result: '9' },
    { stage: 'top-3', result: '9' },
  ])
  await expect
    .poll(() => select("select stage from stage_now where is_stage and verdict <> 'UNKNOWN' order by position"), wait)
    .toEqual(flow.map((stage) => ({ stage })))
  for (const stage of ['spread', 'top-3']) {
    const page = await (await fetch(`http://127.0.0.1:${ports.get(stage)}/metrics`)).text()
    expect(page).toMatch(new RegExp(`^throughline_messages_total\\{.*stage="${stage}".*\\} 1$`, 'm'))
  }
  const services = () => new Set(receiver.spans.filter(({ traceId }) => traceId === id).map(({ service }) => service))
  await expect.poll(services, wait).toEqual(new Set(['submit', ...flow]))
})

test('without its sources, as in the image, the command says so', async () => {
  const image = opened.use(await temporaryDirectory()).path
  for (const part of ['cli', 'kafka', 'monitor', 'pipeline', 'sql', 'stages', 'telemetry', 'package.json', 'node_modules'])
    await cp(join(copy, part), join(image, part), { recursive: true, verbatimSymlinks: true })
  const refused = runToEnd({ ...command('new-stage', 'spread-2'), cwd: image })
  await expect(refused).rejects.toThrow('There are no sources here: run this in a clone of the project.')
})

test('the sources from which the copy was made have none of it', () => {
  expect(existsSync(join(root, 'stages', 'spread.ts'))).toBe(false)
})
