import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../../local/host-resources.ts'
import { readConfig } from '../../pipeline/config.ts'
import { checkBefore, judgeDisk, judgeMemory, judgeNode, judgePorts, judgeWays } from './checks-before.ts'
import { needs } from './checks-before.ts'

afterEach(() => void vi.unstubAllEnvs())

const complete = { docker: '28.2.2', compose: '2.24.4', buildx: '0.17.1', java: '17.0.15' }
const noDocker = { docker: undefined, compose: undefined, buildx: undefined }

test('what is needed is what the README says', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(readme).toContain(`Docker ${needs.docker}, Compose ${needs.compose} and buildx ${needs.buildx} or newer`)
  expect(readme).toContain(`${needs.dockerMemory / 1e9} GB of free memory`)
  expect(readme).toContain(`Java ${needs.java} or newer`)
  expect(readme).toContain(`${needs.memory / 1e9} GB of memory and of disk`)
  expect(readme).toContain(`its own Node ${needs.node}`)
})

const statuses = (changes: Partial<Parameters<typeof judgeWays>[0]>) => {
  return judgeWays({ ...complete, ...changes }).map(({ status }) => status)
}

test('with both ways complete all pass; without Docker only Java is judged', () => {
  expect(statuses({})).toEqual(['pass', 'pass', 'pass', 'pass'])
  expect(statuses(noDocker)).toEqual(['pass'])
})

test('what one way lacks is a warning while the other is complete, and a failure otherwise', () => {
  expect(statuses({ compose: '2.9.1' })).toEqual(['pass', 'warning', 'pass', 'pass'])
  expect(statuses({ java: undefined })).toEqual(['pass', 'pass', 'pass', 'warning'])
  expect(statuses({ compose: '2.9.1', java: '11.0.2' })).toEqual(['pass', 'failure', 'pass', 'failure'])
  expect(statuses({ ...noDocker, java: '1.8.0' })).toEqual(['failure'])
})

test('each part that is missing or old is named with what to do', () => {
  expect(judgeWays({ docker: '', compose: '', buildx: '0.9', java: undefined })).toMatchObject([
    { message: 'The server of Docker does not answer', remedy: 'start Docker 28 or newer for `docker compose up`' },
    {
      message: 'Docker Compose is not installed',
      remedy: 'install Docker Compose 2.24.4 or newer for `docker compose up`',
    },
    { message: 'Docker buildx 0.9 is too old', remedy: 'install Docker buildx 0.17 or newer for `docker compose up`' },
    { message: 'Java is not installed', remedy: 'install Java 17 or newer for `npm run demo`' },
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
  const kafka = { server: 'Kafka', port: 19_092, change: 'KAFKA_PORT' }
  const tempo = { server: 'Tempo', port: 3200, change: 'TEMPO_PORT' }
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
  const config = readConfig({ BOOTSTRAP_SERVERS: `localhost:${port}` })
  const failures = (await checkBefore(config, ['Kafka'])).filter(({ status }) => status === 'failure')
  expect(failures).toMatchObject([
    { check: 'java', message: 'Java is not installed' },
    { check: 'ports', message: `Port ${port}, meant for Kafka, is taken by another program` },
  ])
})
