import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

const require = createRequire(import.meta.url)

interface Request {
  readonly correlationId: number
  readonly sentAt: number
  readonly requestTimeout: number
  readonly entry: { readonly apiName: string }
}

interface RequestQueue {
  readonly inflight: ReadonlyMap<number, Request>
  readonly broker: string
  readonly clientId: string
  readonly instrumentationEmitter: { emit(event: string, payload: object): void } | null
  requestTimeoutIntervalId: NodeJS.Timeout
  connection?: Connection
  isConnected(): boolean
  destroy(): void
  scheduleRequestTimeoutCheck(): void
}

interface Connection {
  readonly socket: Socket
  readonly connectionTimeout: number
  readonly requestQueue: RequestQueue
  connect(): Promise<boolean>
}

/** Milliseconds. SyncGroup waits for the leader of the group, which kafkajs leaves out of account; JoinGroup has its own. */
export const SYNC_GROUP_TIMEOUT = 30_000
const CHECK_INTERVAL = 100

/**
 * A request without an answer closes its connection, which rejects the other requests on it with a connection error: the next
 * request connects again, or goes to another broker. kafkajs keeps the connection, so a frozen broker costs one timeout after
 * the other.
 */
export function closeSilentConnections(): void {
  const { prototype: connections } = require('kafkajs/src/network/connection') as { prototype: Connection }
  const { prototype: queues } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const events = require('kafkajs/src/network/instrumentationEvents') as { NETWORK_REQUEST_TIMEOUT: string }
  const connect = connections.connect
  connections.connect = function connectWithQueue(this: Connection) {
    this.requestQueue.connection = this
    return connect.call(this)
  }
  queues.scheduleRequestTimeoutCheck = function closeSilent(this: RequestQueue) {
    const { connection, broker, clientId } = this
    const check = () => {
      const silent = this.inflight
        .values()
        .find((request) => Date.now() - request.sentAt > answerTimeout(request, connection))
      if (silent !== undefined) {
        const { apiName } = silent.entry
        this.instrumentationEmitter?.emit(events.NETWORK_REQUEST_TIMEOUT, { ...silent.entry, broker, clientId })
        connection?.socket.destroy(new Error(`no answer to ${apiName} from ${broker}`))
      }
      if (silent !== undefined || !this.isConnected()) this.destroy()
    }
    this.destroy()
    this.requestTimeoutIntervalId = setInterval(check, CHECK_INTERVAL)
  }
}

function answerTimeout({ entry, requestTimeout }: Request, connection: Connection | undefined): number {
  if (entry.apiName === 'SyncGroup') return Math.max(requestTimeout, SYNC_GROUP_TIMEOUT)
  // The first request on a connection: a frozen broker's system accepts the connection, and nothing answers.
  if (entry.apiName === 'ApiVersions') return Math.min(requestTimeout, connection?.connectionTimeout ?? requestTimeout)
  return requestTimeout
}

interface Broker {
  readonly nodeId: number
}

interface ConsumerGroup {
  readonly groupId: string
  readonly cluster: { findGroupCoordinator(group: { readonly groupId: string }): Promise<Broker> }
  readonly offsetManager: { coordinator: Broker } | null
  coordinator: Broker
  heartbeat(options: object): Promise<void>
  commitOffsets(offsets: object): Promise<void>
}

/**
 * When the coordinator cannot be reached, it is looked for again and the request repeated. Members keep their partitions, or
 * join again when the new coordinator asks for it. kafkajs asks only the coordinator that it joined at, for ever.
 */
export function followCoordinator(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup }
  const searches = new WeakMap<ConsumerGroup, Promise<void>>()
  const search = async (group: ConsumerGroup) => {
    const coordinator = await group.cluster.findGroupCoordinator({ groupId: group.groupId })
    group.coordinator = coordinator
    if (group.offsetManager) group.offsetManager.coordinator = coordinator
  }
  const searchOnce = (group: ConsumerGroup) => {
    const running = searches.get(group) ?? search(group).finally(() => searches.delete(group))
    searches.set(group, running)
    return running
  }
  for (const name of ['heartbeat', 'commitOffsets'] as const) {
    const original = prototype[name]
    prototype[name] = async function follow(this: ConsumerGroup, options: object) {
      const asked = this.coordinator
      try {
        await original.call(this, options)
      } catch (error) {
        if (!isUnreachable(error)) throw error
        if (this.coordinator === asked) await searchOnce(this)
        await original.call(this, options)
      }
    }
  }
}

const unreachable = new Set([
  'KafkaJSBrokerNotFound',
  'KafkaJSConnectionClosedError',
  'KafkaJSConnectionError',
  'KafkaJSLockTimeout',
  'KafkaJSRequestTimeoutError',
])

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isUnavailable = 'type' in error && error.type === 'GROUP_COORDINATOR_NOT_AVAILABLE'
  // kafkajs throws this as a plain error while it connects to a broker for the first time.
  return isUnavailable || unreachable.has(error.name) || error.message === 'Broker not connected'
}

interface BrokerPool {
  readonly brokers: Readonly<Record<string, Broker>>
  findBroker(node: { readonly nodeId: string }): Promise<Broker>
  withBroker<T>(callback: (found: { nodeId: string; broker: Broker }) => Promise<T>): Promise<T>
}

interface Cluster {
  fetchTopicsOffset(topics: object): Promise<unknown>
  refreshMetadata(): Promise<void>
}

/**
 * Any broker can say which one coordinates a group. kafkajs gives up at the first broker that it cannot connect to, and calls
 * the failure of the last one final, which ends the consumer for good.
 */
export function askReachableBrokers(): void {
  const { prototype } = require('kafkajs/src/cluster/brokerPool') as { prototype: BrokerPool }
  const shuffle = require('kafkajs/src/utils/shuffle') as <T>(list: readonly T[]) => T[]
  const { KafkaJSBrokerNotFound } = require('kafkajs/src/errors') as { KafkaJSBrokerNotFound: ErrorConstructor }
  prototype.withBroker = async function askReachable(this: BrokerPool, callback) {
    // A client that has not read its metadata yet knows none: kafkajs reads them upon this error, and asks again.
    let failure: Error = new KafkaJSBrokerNotFound('There is no broker to ask')
    for (const nodeId of shuffle(Object.keys(this.brokers))) {
      try {
        return await callback({ nodeId, broker: await this.findBroker({ nodeId }) })
      } catch (error) {
        failure = error as Error
      }
    }
    throw Object.assign(failure, { retriable: !('retriable' in failure) || failure.retriable })
  }
}

/** kafkajs keeps asking a broker that does not lead the partition any more for offsets, until its metadata are old. */
export function refreshLeaders(): void {
  const { prototype } = require('kafkajs/src/cluster') as { prototype: Cluster }
  const original = prototype.fetchTopicsOffset
  prototype.fetchTopicsOffset = async function fetchOffsets(this: Cluster, topics) {
    try {
      return await original.call(this, topics)
    } catch (error) {
      await this.refreshMetadata()
      throw error
    }
  }
}
