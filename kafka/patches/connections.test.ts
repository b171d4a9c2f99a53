import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo, Socket } from 'node:net'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createLog } from '../../telemetry/log.ts'
import { createKafka, loadKafkajs } from '../client.ts'
import { kafkaSettings } from '../settings.ts'

const require = createRequire(import.meta.url)

beforeAll(() => void loadKafkajs())

/** Accepts connections, on which nothing ever comes; closed at the end of the test. */
const silentServer = () => startServer((socket) => socket.resume())

/** Answers each request as ApiVersions 0 without any versions: length, correlation id, error code, count. */
const answeringServer = () =>
  startServer((socket) =>
    socket.on('data', (request: Buffer) => {
      const answer = Buffer.from('0000000a00000000000000000000', 'hex')
      request.copy(answer, 4, 8, 12)
      socket.write(answer)
    }),
  )

async function startServer(onConnection: (socket: Socket) => void) {
  const server = createServer(onConnection)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { server, port }
}

test('a connection on which no answer comes is closed', async () => {
  const { server, port } = await silentServer()
  const settings = kafkaSettings({ BOOTSTRAP_SERVERS: [`127.0.0.1:${port}`], TOPICS_AUTO_CREATE: 'false' }, 'test')
  const client = { ...settings.client, connectionTimeout: 200, retry: { retries: 0 } }
  const connecting = createKafka({ ...settings, client }, createLog('silent', {}))
    .admin()
    .connect()
  const failure = connecting.catch(String)
  const [socket] = await once(server, 'connection')
  await once(socket, 'close')
  expect(await failure).toMatch(/no answer to ApiVersions from 127\.0\.0\.1/)
})

interface Queue {
  push(request: object): void
  scheduleRequestTimeoutCheck(): void
  connection: {
    connectionTimeout: number
    socket: { bytesRead: number; destroy: () => void }
    rejectRequests: (error: Error) => void
  }
}

type NewQueue = new (options: object) => Queue

const CONNECT_MS = 3000
const REQUEST_MS = 10_000

/** A queue of requests on a connection whose broker never answers, and the milliseconds after which it is closed. */
function silentQueue({ bytesRead, broker = 'b:1' }: { bytesRead: number; broker?: string }) {
  if (!vi.isFakeTimers()) vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const RequestQueue = require('kafkajs/src/network/requestQueue') as NewQueue
  const emit = vi.fn<() => void>()
  const rejectRequests = vi.fn<(error: Error) => void>()
  const options = { requestTimeout: REQUEST_MS, enforceRequestTimeout: true, broker, clientId: 'c' }
  const logger = { debug: () => undefined }
  const queue = new RequestQueue({ ...options, logger, instrumentationEmitter: { emit } })
  const socket = { bytesRead, destroy: vi.fn<() => void>() }
  queue.connection = { connectionTimeout: CONNECT_MS, socket, rejectRequests }
  queue.scheduleRequestTimeoutCheck()
  let correlationId = 0
  const send = (apiName: string, requestTimeout?: number) => {
    correlationId += 1
    const sendRequest = () => undefined
    queue.push({ entry: { apiName, correlationId }, expectResponse: true, sendRequest, requestTimeout })
  }
  const closedAfter = async () => {
    const begin = Date.now()
    while (rejectRequests.mock.calls.length === 0) await vi.advanceTimersByTimeAsync(100)
    expect(socket.destroy).toHaveBeenCalledOnce()
    return Date.now() - begin
  }
  return { send, closedAfter, socket, emit, rejectRequests }
}

test.each([
  ['Fetch', REQUEST_MS / 2, undefined],
  ['Produce', REQUEST_MS, undefined],
  ['SyncGroup', 30_000, undefined],
  ['JoinGroup', 25_000, 25_000],
])('%s may take %i ms on a connection that has answered before', async (apiName, limit, ownTimeout) => {
  const { send, closedAfter, emit, rejectRequests } = silentQueue({ bytesRead: 1 })
  send(apiName, ownTimeout)
  expect(Math.round((await closedAfter()) / 1000)).toBe(limit / 1000)
  expect(rejectRequests).toHaveBeenCalledWith(expect.objectContaining({ message: `no answer to ${apiName} from b:1` }))
  expect(emit).toHaveBeenCalledWith('network.request_timeout', { apiName, broker: 'b:1', clientId: 'c' })
})

test.each([
  ['Metadata', CONNECT_MS],
  ['Produce', REQUEST_MS],
])('%s may take %i ms on a new connection', async (apiName, limit) => {
  const { send, closedAfter } = silentQueue({ bytesRead: 0 })
  send(apiName)
  expect(Math.round((await closedAfter()) / 1000)).toBe(limit / 1000)
})

test('a request behind a slower one is not late before that is', async () => {
  const { send, closedAfter } = silentQueue({ bytesRead: 1 })
  send('JoinGroup', 25_000)
  send('Heartbeat')
  expect(Math.round((await closedAfter()) / 1000)).toBe(25)
})

test('bytes of an answer that is still coming count as an answer', async () => {
  const { send, closedAfter, socket, rejectRequests } = silentQueue({ bytesRead: 1 })
  send('Fetch')
  for (let second = 0; second < 30; second += 1) {
    socket.bytesRead += 1
    await vi.advanceTimersByTimeAsync(1000)
  }
  expect(rejectRequests).not.toHaveBeenCalled()
  expect(Math.round((await closedAfter()) / 1000)).toBe(4)
})

test('idle connections to the same broker are closed with it, busy ones and those to others stay', async () => {
  const { send, closedAfter } = silentQueue({ bytesRead: 1 })
  const idle = silentQueue({ bytesRead: 1 })
  const busy = silentQueue({ bytesRead: 1 })
  const elsewhere = silentQueue({ bytesRead: 1, broker: 'b:2' })
  send('Fetch')
  busy.send('Produce')
  await closedAfter()
  expect(idle.socket.destroy).toHaveBeenCalledExactlyOnceWith(expect.any(Error))
  expect(busy.socket.destroy).not.toHaveBeenCalled()
  expect(elsewhere.socket.destroy).not.toHaveBeenCalled()
})

interface Connection {
  socket: Socket | null
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
}

type NewConnection = new (options: object) => Connection

/** One connection of kafkajs to a port of this machine. */
function newConnection(port: number): Connection {
  const Connection = require('kafkajs/src/network/connection') as NewConnection
  const socketFactory = (require('kafkajs/src/network/socketFactory') as () => object)()
  const log = { debug: () => undefined, error: () => undefined }
  const logger = { namespace: () => log }
  const timeouts = { connectionTimeout: 1000, requestTimeout: 60_000 }
  return new Connection({ host: '127.0.0.1', port, logger, socketFactory, ...timeouts })
}

test('a connection sends every packet at once', async () => {
  const { port } = await answeringServer()
  const setNoDelay = vi.spyOn(Socket.prototype, 'setNoDelay')
  onTestFinished(() => setNoDelay.mockRestore())
  const connection = newConnection(port)
  await connection.connect()
  expect(setNoDelay.mock.instances).toContain(connection.socket)
  await connection.disconnect()
})

test('a connection that is asked for twice opens one socket, and a new one closes the old one', async () => {
  const { server, port } = await answeringServer()
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket))
  const connection = newConnection(port)
  await Promise.all([connection.connect(), connection.connect()])
  await expect.poll(() => sockets.length).toBe(1)
  const old = connection.socket
  await connection.disconnect()
  await connection.connect()
  expect(old?.destroyed).toBe(true)
  await expect.poll(() => sockets.length).toBe(2)
  connection.socket?.destroy()
  await connection.disconnect()
  expect(connection.socket).toBeNull()
})

test('a connection is used only when the broker has answered on it', async () => {
  const { port } = await silentServer()
  await expect(newConnection(port).connect()).rejects.toMatchObject({
    name: 'KafkaJSConnectionError',
    message: expect.stringMatching(/^no answer to ApiVersions/),
  })
})
