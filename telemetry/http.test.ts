import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { createHealth } from './health.ts'
import { createLog } from './log.ts'
import { UserError } from './user-error.ts'
import { openDoors, type Door } from './http.ts'
import { createMetrics } from './metrics.ts'

const broken = {
  ...createMetrics({ stage: 'add', position: 1 }),
  page: () => Promise.reject(new Error('no')),
}
const local = { host: '127.0.0.1', port: 0, health: createHealth() }
const failing: Door = { path: '/failing', answer: () => Promise.reject(new Error('no')) }
const reading: Door = {
  path: '/reading',
  answer: async (request, response) => void response.end(await text(request)),
}
const halfWay: Door = {
  path: '/half-way',
  async answer(_request, response) {
    response.write('half')
    await Promise.reject(new Error('no'))
  },
}

async function brokenDoors() {
  const log = createLog('silent', {})
  const warn = vi.spyOn(log, 'warn')
  const more = [failing, reading, halfWay]
  const doors = await openDoors({ ...local, metrics: broken, log, more })
  return {
    port: doors.port,
    ask: (path: string) => fetch(`http://127.0.0.1:${doors.port}${path}`),
    said: () => warn.mock.calls.map(([, message]) => message),
    [Symbol.asyncDispose]: () => doors[Symbol.asyncDispose](),
  }
}

test.each(['/failing', '/metrics'])('%s, when it fails, says so and is logged once', async (path) => {
  await using doors = await brokenDoors()
  const answer = await doors.ask(path)
  expect([answer.status, await answer.text()]).toEqual([
    500,
    `GET ${path} failed: the log of this process says why.\n`,
  ])
  expect(doors.said()).toEqual([`GET ${path} could not be answered`])
  expect((await doors.ask('/healthz')).status).toBe(200)
})

test('an answer that fails half way ends there', async () => {
  await using doors = await brokenDoors()
  await expect(doors.ask('/half-way').then((answer) => answer.text())).rejects.toThrow('terminated')
  expect((await doors.ask('/healthz')).status).toBe(200)
})

test('who goes away in the middle of a question does no harm', async () => {
  await using doors = await brokenDoors()
  const socket = connect(doors.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('POST /reading HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\nabcde', () =>
    socket.destroy(),
  )
  await vi.waitUntil(() => doors.said().length > 0)
  expect(doors.said()).toEqual(['POST /reading was broken off by whoever asked'])
  expect((await doors.ask('/healthz')).status).toBe(200)
})

test('nobody is answered at another address of the machine', async () => {
  await using doors = await brokenDoors()
  for (const host of ['127.0.0.2', '[::1]'])
    await expect(fetch(`http://${host}:${doors.port}/healthz`)).rejects.toThrow('fetch failed')
})

test('an address that cannot be had is told with the variable to change', async () => {
  await using doors = await brokenDoors()
  const open = (place: { host?: string; port?: number }) =>
    openDoors({ ...local, ...place, metrics: broken, log: createLog('silent', {}), more: [] })
  await expect(open({ port: doors.port })).rejects.toThrow(
    new UserError(`Port ${doors.port} is taken: set METRICS_PORT to another one, or to 0 for any.`),
  )
  await expect(open({ host: '203.0.113.1' })).rejects.toThrow(
    'set METRICS_HOST to an address of this machine',
  )
})
