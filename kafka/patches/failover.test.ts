import { createRequire } from 'node:module'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { loadKafkajs } from '../client.ts'

const require = createRequire(import.meta.url)

beforeAll(() => void loadKafkajs())

interface Group {
  memberId: string
  lastRequest: number
  coordinator: object
  offsetManager: { coordinator: object; commitOffsets?(offsets: object): Promise<void> }
  heartbeat(options: object): Promise<void>
  commitOffsets(offsets: object): Promise<void>
  joinAndSync(): Promise<void>
}

type NewGroup = new (options: object) => Group

function groupWith(findGroupCoordinator: () => Promise<object>): Group {
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup') as NewGroup
  const logger = { namespace: () => undefined }
  const instrumentationEmitter = { emit: () => undefined }
  const group = new ConsumerGroup({
    logger,
    instrumentationEmitter,
    groupId: 'add',
    assigners: [],
    cluster: { findGroupCoordinator },
  })
  return Object.assign(group, { memberId: 'member', lastRequest: 0 })
}

const identity = (error: unknown) => error

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

test('a commit is not repeated when the group was joined again meanwhile', async () => {
  const commitOffsets = vi.fn<() => Promise<void>>(() => Promise.resolve())
  const group = groupWith(() => {
    group.offsetManager = { coordinator: {}, commitOffsets }
    return Promise.resolve({ isConnected: () => true })
  })
  group.offsetManager = { coordinator: {}, commitOffsets: failing('KafkaJSConnectionError') }
  await expect(group.commitOffsets({ topics: [] })).rejects.toThrow('KafkaJSConnectionError')
  expect(commitOffsets).not.toHaveBeenCalled()
})

test('a coordinator that cannot be reached at once is looked for again, by a heartbeat and by a join', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const found = { heartbeat: () => Promise.resolve(), joinGroup: failing('Joined') }
  // What kafkajs throws after its own retries.
  const exceeded = Object.assign(
    new Error('refused', { cause: await failing('KafkaJSConnectionError')().catch(identity) }),
    {
      name: 'KafkaJSNumberOfRetriesExceeded',
    },
  )
  const search = vi.fn<() => Promise<object>>()
  const group = groupWith(search)
  group.coordinator = { heartbeat: failing('KafkaJSConnectionError') }
  search.mockRejectedValueOnce(exceeded).mockRejectedValueOnce(exceeded).mockResolvedValue(found)
  const beating = group.heartbeat({ interval: 0 })
  await vi.advanceTimersByTimeAsync(2000)
  await beating
  expect(search).toHaveBeenCalledTimes(3)
  search.mockReset().mockRejectedValueOnce(exceeded).mockResolvedValue(found)
  const joining = group.joinAndSync().catch(String)
  await vi.advanceTimersByTimeAsync(2000)
  expect(await joining).toContain('Joined')
  expect(search).toHaveBeenCalledTimes(2)
})

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

const away = { isConnected: () => false }

function poolOf(findBroker: Pool['findBroker']): Pool {
  const { prototype } = require('kafkajs/src/cluster/brokerPool') as { prototype: Pool }
  return Object.assign(Object.create(prototype) as Pool, { brokers: { 1: away, 2: away, 3: away }, findBroker })
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
  const stale = Object.assign(new Error('NOT_LEADER_FOR_PARTITION'), { type: 'NOT_LEADER_FOR_PARTITION' })
  const findBroker = () => Promise.reject(stale)
  const cluster = { refreshMetadata, findBroker, findLeaderForPartitions: () => ({ 1: [0] }), defaultOffset: () => -1 }
  const asked = prototype.fetchTopicsOffset.call(cluster, [{ topic: 'start', partitions: [{ partition: 0 }] }])
  await expect(asked).rejects.toThrow('NOT_LEADER_FOR_PARTITION')
  expect(refreshMetadata).toHaveBeenCalledOnce()
})

test('a lock that is not had in time can be retried', async () => {
  const Lock = require('kafkajs/src/utils/lock') as new (options: object) => { acquire(): Promise<void> }
  const lock = new Lock({ timeout: 1 })
  await lock.acquire()
  await expect(lock.acquire()).rejects.toMatchObject({ name: 'KafkaJSLockTimeout', retriable: true })
})
