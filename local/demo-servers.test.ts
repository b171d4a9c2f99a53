import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readConfig } from '../pipeline/config.ts'
import { UserError } from '../telemetry/user-error.ts'
import { type ObservabilityPorts, planObservability, startPlanned } from './demo-servers.ts'
import { fakeProgram } from '../test/support/processes/fake-program.ts'
import { freePort, temporaryDirectory } from './host-resources.ts'

/** Variables that may be set where the tests run. */
const unsetVariables = [
  'TEMPO_BIN',
  'PROMETHEUS_BIN',
  'GRAFANA_BIN',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_SDK_DISABLED',
  'OTEL_TRACES_EXPORTER',
]

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let ports: ObservabilityPorts
let said: string[]
beforeEach(async () => {
  directory = await temporaryDirectory()
  said = []
  ports = {
    prometheus: await freePort(),
    tempo: await freePort(),
    otlpGrpc: await freePort(),
    otlpHttp: await freePort(),
    grafana: await freePort(),
  }
  vi.stubEnv('PATH', directory.path)
  for (const name of unsetVariables) vi.stubEnv(name, '')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

const plan = (watchers = true) =>
  planObservability(
    {
      config: readConfig({}),
      kafkaPort: 0,
      brokers: 1,
      monitorPort: 0,
      watchers,
      dataDir: join(directory.path, 'data'),
      say: (line) => said.push(line),
      signal: new AbortController().signal,
    },
    ports,
  )

const install = async (...programs: string[]) => {
  for (const program of programs) await fakeProgram(join(directory.path, program))
}

test('where none is installed, the demo says so and continues', async () => {
  expect(await plan()).toEqual([])
  expect(said).toEqual(['Not installed here, and done without: Prometheus, Tempo, Grafana.'])
})

test('the one that is installed is started, and its address is printed', async () => {
  const server = `require('node:http').createServer((_, answer) => answer.end()).listen(${ports.prometheus}, '127.0.0.1')`
  await fakeProgram(join(directory.path, 'prometheus'), `exec '${process.execPath}' -e "${server}" -- "$@"`)
  await using started = await startPlanned(await plan(), (line) => said.push(line))
  expect(started).toMatchObject({ names: ['Prometheus'], env: {}, processes: [{ name: 'Prometheus' }] })
  expect(said).toEqual([
    'Not installed here, and done without: Tempo, Grafana.',
    `Prometheus is up at localhost:${ports.prometheus}: scrapes every process.`,
  ])
})

test.each<[string, string, keyof ObservabilityPorts]>([
  ['Prometheus', 'prometheus', 'prometheus'],
  ['Tempo', 'tempo', 'tempo'],
  ['Tempo', 'tempo', 'otlpGrpc'],
  ['Tempo', 'tempo', 'otlpHttp'],
  ['Grafana', 'grafana', 'grafana'],
])('%s is left out where its port is taken: %s, %s', async (name, program, taken) => {
  await install(program)
  await using other = createServer()
  await once(other.listen(ports[taken], '127.0.0.1'), 'listening')
  expect(await plan()).toEqual([])
  expect(said).toContain(`Done without ${name}: something else has its port, ${ports[taken]}.`)
})

test.each([
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:1'],
  ['OTEL_SDK_DISABLED', 'true'],
])('Tempo is not looked for with %s=%s', async (variable, value) => {
  await install('prometheus', 'tempo', 'grafana')
  expect(await plan()).toHaveLength(3)
  vi.stubEnv(variable, value)
  expect(await plan()).toHaveLength(2)
  expect(said).toEqual([])
})

test('a variable that names no program is an error at once', async () => {
  vi.stubEnv('TEMPO_BIN', '/nowhere/tempo')
  await expect(plan()).rejects.toThrow(new UserError('TEMPO_BIN is no program that can be run: /nowhere/tempo'))
})

test('none is looked for with --no-watchers', async () => {
  await install('prometheus')
  expect(await plan(false)).toEqual([])
  expect(said).toEqual([])
})
