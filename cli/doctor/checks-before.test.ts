import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../../local/host-resources.ts'
import { readConfig } from '../../pipeline/config.ts'
import { checkBefore, judgeDisk, judgeMemory, judgeNode, judgeWays, needs } from './checks-before.ts'
import { judgePorts } from './checks-ports.ts'

afterEach(() => void vi.unstubAllEnvs())

const docker = { docker: '28.2.2', compose: '2.24.4', buildx: '0.17.1' }
const java = { version: '17.0.15', kafka: 'Maven' }

test('what is needed is what the README says', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`Docker ${needs.docker}, Compose ${needs.compose} and buildx ${needs.buildx} or newer`)
  expect(readme).toContain(`${needs.dockerMemory / 1e9} GB of free memory`)
  expect(readme).toContain(`Java ${needs.java} or newer`)
  expect(readme).toContain(`${needs.memory / 1e9} GB of memory and of disk`)
  expect(readme).toContain(`its own Node ${needs.node}`)
})

const statuses = (...args: Parameters<typeof judgeWays>) => judgeWays(...args).map(({ status }) => status)

test('with both ways complete all pass; without Docker only Java is judged', () => {
  expect(statuses(docker, java)).toEqual(['pass', 'pass', 'pass', 'pass', 'pass'])
  expect(statuses(undefined, java)).toEqual(['pass', 'pass'])
})

test('what one way lacks is a warning while the other is complete, and a failure otherwise', () => {
  const old = { ...docker, compose: '2.9.1' }
  expect(statuses(old, java)).toEqual(['pass', 'warning', 'pass', 'pass', 'pass'])
  expect(statuses(docker, { version: '', kafka: undefined })).toEqual(['pass', 'pass', 'pass', 'warning', 'warning'])
  expect(statuses(old, { ...java, version: '11.0.2' })).toEqual(['pass', 'failure', 'pass', 'failure', 'pass'])
  expect(statuses(undefined, { ...java, version: '1.8.0' })).toEqual(['failure', 'pass'])
})

test('each part that is missing or old is named with what to do', () => {
  const lacking = { docker: '', compose: '', buildx: '0.9' }
  expect(judgeWays(lacking, { version: '', kafka: undefined })).toMatchObject([
    {
      check: 'docker',
      message: 'The server of Docker does not answer',
      remedy: expect.stringMatching(/^start Docker, 28/),
    },
    { check: 'compose', message: 'Docker Compose is not installed', remedy: expect.stringMatching(/^install 2\.24\.4/) },
    { check: 'buildx', message: 'Docker buildx 0.9 is too old', remedy: expect.stringMatching(/^install 0\.17/) },
    { check: 'java', message: 'Java is not installed', remedy: expect.stringMatching(/^install Java 17/) },
    { check: 'kafka-program', remedy: expect.stringMatching(/^install Maven/) },
  ])
})

test('Node, memory and disk', () => {
  expect(judgeNode('24.0.0').status).toBe('pass')
  expect(judgeNode('22.18.0')).toMatchObject({ status: 'failure', message: 'Node 22.18.0 is too old' })
  expect(judgeMemory({ total: 8e9, available: 2e9 }, false).status).toBe('pass')
  expect(judgeMemory({ total: 8e9, available: 2e9 }, true)).toMatchObject({
    status: 'warning',
    message: '2.0 GB of 8.0 GB of memory are available',
  })
  expect(judgeMemory({ total: 0.5e9, available: 0.4e9 }, false).status).toBe('failure')
  expect(judgeDisk(1e9).status).toBe('pass')
  expect(judgeDisk(0.2e9)).toMatchObject({ status: 'failure', message: expect.stringContaining('Only 0.2 GB are free') })
})

test('a port that is taken is a failure, and a warning where the demo works without its server', () => {
  const kafka = { server: 'Kafka', port: 19_092, isNeeded: true, change: 'KAFKA_PORT' }
  const tempo = { server: 'Tempo', port: 3200, isNeeded: false, change: 'TEMPO_PORT' }
  expect(judgePorts([kafka, tempo], [])).toMatchObject([{ status: 'pass', message: 'The ports are free: 19092, 3200' }])
  expect(judgePorts([kafka, tempo], [kafka, tempo])).toMatchObject([
    { status: 'failure', message: 'Port 19092, meant for Kafka, is taken by another program' },
    { status: 'warning', message: expect.stringMatching(/^Port 3200, meant for Tempo, .* does without Tempo$/) },
  ])
})

test('on this machine, a taken port and a missing Java are found', async () => {
  await using empty = await temporaryDirectory()
  for (const [name, value] of Object.entries({ PATH: empty.path, JAVA_HOME: '' })) vi.stubEnv(name, value)
  await using server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const config = readConfig({ BOOTSTRAP_SERVERS: `localhost:${port}`, KAFKA_HOME: '/somewhere' })
  const failures = (await checkBefore(config, ['Kafka'])).filter(({ status }) => status === 'failure')
  expect(failures).toMatchObject([
    { check: 'java', message: 'Java is not installed' },
    { check: 'ports', message: `Port ${port}, meant for Kafka, is taken by another program` },
  ])
})
