import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { createHealth } from './health.ts'
import { createLog } from './log.ts'
import { UserError } from './user-error.ts'
import { serveHttp, type HttpRoute } from './http.ts'
import { createMetrics } from './metrics.ts'

const broken = {
  ...createMetrics({ stage: 'add', position: 1 }),
  page: () => Promise.reject(new Error('no')),
}
const local = { host: '127.0.0.1', port: 0, health: createHealth() }
const failing: HttpRoute = { path: '/failing', handle: () => Promise.reject(new Error('no')) }
const reading: HttpRoute = { path: '/reading', handle: async (request) => [200, await text(request)] }

async function brokenServer() {
  const log = createLog('silent', {})
  const warn = vi.spyOn(log, 'warn')
  const routes = [failing, reading]
  const server = await serveHttp({ ...local, metrics: broken, log, routes })
  return {
    port: server.port,
    get: (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`),
    logged: () => warn.mock.calls.map(([, message]) => message),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

test.each(['/failing', '/metrics'])('%s, when it fails, is answered with 500 and logged once', async (path) => {
  await using server = await brokenServer()
  const answer = await server.get(path)
  expect([answer.status, await answer.text()]).toEqual([500, `GET ${path} failed: the log of this process says why.\n`])
  expect(server.logged()).toEqual([`GET ${path} could not be answered`])
  expect((await server.get('/healthz')).status).toBe(200)
})

test('a client that goes away in the middle of a request does no harm', async () => {
  await using server = await brokenServer()
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write('POST /reading HTTP/1.1\r\nhost: here\r\ncontent-length: 100\r\n\r\nabcde', () => socket.destroy())
  await vi.waitUntil(() => server.logged().length > 0)
  expect(server.logged()).toEqual(['POST /reading was aborted by the client'])
  expect((await server.get('/healthz')).status).toBe(200)
})

test('another address of the machine is not served', async () => {
  await using server = await brokenServer()
  for (const host of ['127.0.0.2', '[::1]'])
    await expect(fetch(`http://${host}:${server.port}/healthz`)).rejects.toThrow('fetch failed')
})

test('an address that is not available is an error that names the variable to change', async () => {
  await using server = await brokenServer()
  const serve = (place: { host?: string; port?: number }) =>
    serveHttp({ ...local, ...place, metrics: broken, log: createLog('silent', {}), routes: [] })
  await expect(serve({ port: server.port })).rejects.toThrow(
    new UserError(`Port ${server.port} is taken: set METRICS_PORT to another one, or to 0 for any.`),
  )
  await expect(serve({ host: '203.0.113.1' })).rejects.toThrow('set METRICS_HOST to an address of this machine')
})
