import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createHealth } from './health.ts'
import { serveHttp, type HttpRoute, type HttpServer } from './http.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'

/** A server whose answer at /large is larger than the buffers of a connection; `asked` is the connection that asked for it. */
async function serve(): Promise<HttpServer & { readonly asked: Promise<Socket> }> {
  const asked = Promise.withResolvers<Socket>()
  const large: HttpRoute = {
    path: '/large',
    async handle({ socket }) {
      asked.resolve(socket)
      return [200, 'x'.repeat(50_000_000)]
    },
  }
  const metrics = createMetrics({ stage: 'add', position: 1 })
  const log = createLog('silent', {})
  const options = { host: '127.0.0.1', port: 0, health: createHealth(), metrics, log, routes: [large] }
  return Object.assign(await serveHttp(options), { asked: asked.promise })
}

/** A connection, and the first line that the server has sent when it closes it; empty when it sends nothing. */
function open({ port }: HttpServer, start: string) {
  const socket = connect(port, '127.0.0.1')
  socket.write(start)
  const closed = Promise.withResolvers<string>()
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString()))
  // The server may reset the connection: what arrived before is the answer.
  socket.on('error', () => socket.destroy())
  socket.on('close', () => closed.resolve(received.split('\r\n')[0] ?? ''))
  return { socket, closed: closed.promise }
}

async function sendSlowly(server: HttpServer, start: string): Promise<[answer: string, seconds: number]> {
  const { socket, closed } = open(server, start)
  const begun = performance.now()
  const timer = setInterval(() => socket.write('x'), 200)
  try {
    return [await closed, (performance.now() - begun) / 1000]
  } finally {
    clearInterval(timer)
  }
}

describe.concurrent('slow and large clients', { timeout: 90_000 }, () => {
  test('headers that never end are refused after 5 s, and a body that never ends is cut', async () => {
    await using server = await serve()
    const [headers, body] = await Promise.all([
      sendSlowly(server, 'GET /healthz HTTP/1.1\r\nhost: here\r\nslow: '),
      sendSlowly(server, 'POST /metrics HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\n'),
    ])
    expect(headers[0]).toBe('HTTP/1.1 408 Request Timeout')
    expect(headers[1]).toBeGreaterThan(4)
    // The answer does not wait for the body.
    expect(body[0]).toBe('HTTP/1.1 200 OK')
  })

  test('headers of more than 8 KB are refused', async () => {
    await using server = await serve()
    const { closed } = open(server, `GET /healthz HTTP/1.1\r\nhost: here\r\nlarge: ${'x'.repeat(9000)}\r\n\r\n`)
    expect(await closed).toBe('HTTP/1.1 431 Request Header Fields Too Large')
  })

  test('a client that does not read its answer is disconnected', async () => {
    await using server = await serve()
    const { socket } = open(server, 'GET /large HTTP/1.1\r\nhost: here\r\n\r\n')
    socket.pause()
    const asked = await server.asked
    await once(asked, 'close')
    expect(asked.writableFinished).toBe(false)
    socket.destroy()
  })

  test('of 150 connections that send nothing, 50 are refused at once, and then there is room again', async () => {
    await using server = await serve()
    const lines = await Promise.all(Array.from({ length: 150 }, () => open(server, '').closed))
    expect(lines.filter((line) => line === 'HTTP/1.1 408 Request Timeout')).toHaveLength(100)
    expect(lines.filter((line) => line === '')).toHaveLength(50)
    expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status).toBe(200)
  })
})
