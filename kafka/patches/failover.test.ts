import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer, type AddressInfo } from 'node:net'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { createLog } from '../../telemetry/log.ts'
import { createKafka, loadKafkajs } from '../client.ts'
import { kafkaSettings } from '../settings.ts'

const require = createRequire(import.meta.url)

beforeAll(() => void loadKafkajs())

test('a connection on which no answer comes is closed', async () => {
  const server = createServer((socket) => socket.resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
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
  connection: object
}

type NewQueue = new (options: object) => Queue

test('each request has its own limit: SyncGroup waits for other members', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const RequestQueue = require('kafkajs/src/network/requestQueue') as NewQueue
  const logger = { debug: () => undefined }
  const silentAfter = async (apiName: string) => {
    const [emit, destroy] = [vi.fn<() => void>(), vi.fn<(error: Error) => void>()]
    const options = { requestTimeout: 10_000, enforceRequestTimeout: true, broker: 'b:1', clientId: 'c', logger }
    const queue = new RequestQueue({ ...options, instrumentationEmitter: { emit } })
    queue.connection = { connectionTimeout: 3000, socket: { destroy } }
    queue.scheduleRequestTimeoutCheck()
    const entry = { apiName, correlationId: 1 }
    const begin = Date.now()
    queue.push({ entry, expectResponse: true, sendRequest: () => undefined, requestTimeout: 1000 })
    while (destroy.mock.calls.length === 0) await vi.advanceTimersByTimeAsync(100)
    expect(destroy).toHaveBeenCalledWith(new Error(`no answer to ${apiName} from b:1`))
    expect(emit).toHaveBeenCalledWith('network.request_timeout', expect.objectContaining({ apiName, broker: 'b:1' }))
    return Date.now() - begin
  }
  expect(await silentAfter('ApiVersions')).toBeCloseTo(3000, -3)
  expect(await silentAfter('Fetch')).toBeCloseTo(10_000, -3)
  expect(await silentAfter('SyncGroup')).toBeCloseTo(30_000, -3)
})

interface Group {
  memberId: string
  lastRequest: number
  coordinator: object
  offsetManager: { coordinator: object; commitOffsets?(offsets: object): Promise<void> }
  heartbeat(options: object): Promise<void>
  commitOffsets(offsets: object): Promise<void>
}

type NewGroup = new (options: object) => Group

function groupWith(findGroupCoordinator: () => Promise<object>): Group {
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as NewGroup
  const logger = { namespace: () => undefined }
  const instrumentationEmitter = { emit: () => undefined }
  const group = new ConsumerGroup({ logger, instrumentationEmitter, groupId: 'add', cluster: { findGroupCoordinator } })
  return Object.assign(group, { memberId: 'member', lastRequest: 0 })
}

const failing = (name: string) => () => Promise.reject(Object.assign(new Error(name), { name }))

test.each(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSBrokerNotFound'])(
  'after %s the coordinator is looked for once, and heartbeat and commit go to the new one',
  async (name) => {
    const heartbeat = vi.fn<() => Promise<void>>(() => Promise.resolve())
    const offsetCommit = vi.fn<() => Promise<void>>(() => Promise.resolve())
    const search = vi.fn<() => Promise<object>>(() => Promise.resolve({ heartbeat, offsetCommit, isConnected: () => true }))
    const group = groupWith(search)
    group.coordinator = { heartbeat: failing(name) }
    group.offsetManager = {
      coordinator: { offsetCommit: failing(name) },
      commitOffsets() {
        return (this.coordinator as { offsetCommit(): Promise<void> }).offsetCommit()
      },
    }
    await Promise.all([group.heartbeat({ interval: 0 }), group.commitOffsets({ topics: [] })])
    expect(search).toHaveBeenCalledExactlyOnceWith({ groupId: 'add' })
    expect(heartbeat).toHaveBeenCalledOnce()
    expect(offsetCommit).toHaveBeenCalledOnce()
  },
)

test('any other error of a heartbeat is left to kafkajs', async () => {
  const search = vi.fn<() => Promise<object>>(() => Promise.resolve({}))
  const group = groupWith(search)
  group.coordinator = { heartbeat: failing('KafkaJSProtocolError') }
  await expect(group.heartbeat({ interval: 0 })).rejects.toThrow('KafkaJSProtocolError')
  expect(search).not.toHaveBeenCalled()
})

interface Pool {
  brokers: object
  findBroker(node: { nodeId: string }): Promise<object>
  withBroker(callback: (found: { nodeId: string }) => Promise<string>): Promise<string>
}

function poolOf(findBroker: Pool['findBroker']): Pool {
  const { prototype } = require('kafkajs/src/cluster/brokerPool') as { prototype: Pool }
  return Object.assign(Object.create(prototype) as Pool, { brokers: { 1: {}, 2: {}, 3: {} }, findBroker })
}

test('a broker that cannot be reached is passed over', async () => {
  const pool = poolOf(({ nodeId }) => (nodeId === '2' ? Promise.resolve({}) : failing('KafkaJSConnectionError')()))
  await expect(pool.withBroker(({ nodeId }) => Promise.resolve(nodeId))).resolves.toBe('2')
})

test('without any broker that answers the error can be retried', async () => {
  const pool = poolOf(() => Promise.reject(new Error('Broker not connected')))
  await expect(pool.withBroker(() => Promise.resolve(''))).rejects.toMatchObject({ retriable: true })
})

test('before the metadata are loaded the error makes kafkajs load them', async () => {
  const pool = Object.assign(
    poolOf(() => Promise.resolve({})),
    { brokers: {} },
  )
  await expect(pool.withBroker(() => Promise.resolve(''))).rejects.toMatchObject({ name: 'KafkaJSBrokerNotFound' })
})

test('after offsets could not be read the leaders are asked for again', async () => {
  const { prototype } = require('kafkajs/src/cluster') as {
    prototype: { fetchTopicsOffset(topics: object[]): Promise<unknown> }
  }
  const refreshMetadata = vi.fn<() => Promise<void>>(() => Promise.resolve())
  const findBroker = failing('NOT_LEADER_FOR_PARTITION')
  const cluster = { refreshMetadata, findBroker, findLeaderForPartitions: () => ({ 1: [0] }), defaultOffset: () => -1 }
  const asked = prototype.fetchTopicsOffset.call(cluster, [{ topic: 'start', partitions: [{ partition: 0 }] }])
  await expect(asked).rejects.toThrow('NOT_LEADER_FOR_PARTITION')
  expect(refreshMetadata).toHaveBeenCalledOnce()
})
