import { createRequire } from 'node:module'
import pRetry from 'p-retry'

const require = createRequire(import.meta.url)

interface Broker {
  isConnected(): boolean
}

interface ConsumerGroup {
  readonly groupId: string
  readonly cluster: { findGroupCoordinator(group: { readonly groupId: string }): Promise<Broker> }
  readonly offsetManager: { coordinator: Broker } | null
  coordinator: Broker
  heartbeat(options: object): Promise<void>
  commitOffsets(offsets: object): Promise<void>
  joinAndSync(): Promise<void>
}

/** Milliseconds. The controller takes a dead broker for 9 s before another one leads its partitions and groups. */
const SEARCH_TIME = 20_000
const SEARCH_PAUSE = 500

/** Repeats an attempt while a broker cannot be reached. */
const untilReachable = <T>(attempt: () => Promise<T>) =>
  pRetry(attempt, {
    retries: SEARCH_TIME / SEARCH_PAUSE,
    factor: 1,
    minTimeout: SEARCH_PAUSE,
    maxRetryTime: SEARCH_TIME,
    shouldRetry: ({ error }) => isUnreachable(error),
  })

/**
 * When the coordinator cannot be reached, it is looked for again and the request repeated: members keep their partitions, or
 * join again when the new coordinator asks for it. kafkajs asks only the coordinator that it joined at, for ever; and a join
 * that does not find one at once makes it give the member up, so that the group waits until the session of that has expired.
 */
export function followCoordinator(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup }
  const searches = new WeakMap<ConsumerGroup, Promise<void>>()
  const search = async (group: ConsumerGroup, lost: Broker) => {
    const { cluster, groupId, offsetManager } = group
    const coordinator = await untilReachable(() => cluster.findGroupCoordinator({ groupId }))
    // The group may have been joined again meanwhile.
    if (group.coordinator !== lost) return
    group.coordinator = coordinator
    if (offsetManager) offsetManager.coordinator = coordinator
  }
  const searchOnce = (group: ConsumerGroup, lost: Broker) => {
    const running = searches.get(group) ?? search(group, lost).finally(() => searches.delete(group))
    searches.set(group, running)
    return running
  }
  for (const name of ['heartbeat', 'commitOffsets'] as const) {
    const original = prototype[name]
    prototype[name] = async function follow(this: ConsumerGroup, options: object) {
      const { coordinator: asked, offsetManager } = this
      try {
        await original.call(this, options)
      } catch (error) {
        if (!isUnreachable(error)) throw error
        if (this.coordinator === asked) await searchOnce(this, asked)
        // The group was joined again meanwhile, and the partitions may belong to another member.
        if (name === 'commitOffsets' && this.offsetManager !== offsetManager) throw error
        await original.call(this, options)
      }
    }
  }
  const { joinAndSync } = prototype
  prototype.joinAndSync = function joinReachable(this: ConsumerGroup) {
    return untilReachable(() => joinAndSync.call(this))
  }
}

const unreachable = new Set([
  'KafkaJSBrokerNotFound',
  'KafkaJSConnectionClosedError',
  'KafkaJSConnectionError',
  'KafkaJSLockTimeout',
])

function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const isUnavailable = 'type' in error && error.type === 'GROUP_COORDINATOR_NOT_AVAILABLE'
  // kafkajs throws this as a plain error while it connects to a broker for the first time.
  const isItself = isUnavailable || unreachable.has(error.name) || error.message === 'Broker not connected'
  return isItself || isUnreachable(error.cause)
}

interface BrokerPool {
  readonly brokers: Readonly<Record<string, Broker>>
  findBroker(node: { readonly nodeId: string }): Promise<Broker>
  withBroker<T>(callback: (found: { nodeId: string; broker: Broker }) => Promise<T>): Promise<T>
}

type NewError = new (message: string) => Error

/**
 * Any broker can say which one coordinates a group, those that are connected first. kafkajs gives up at the first broker that
 * it cannot connect to, and calls the failure of the last one final, which ends the consumer for good.
 */
export function askReachableBrokers(): void {
  const { prototype } = require('kafkajs/src/cluster/brokerPool') as { prototype: BrokerPool }
  const shuffle = require('kafkajs/src/utils/shuffle') as <T>(list: readonly T[]) => T[]
  const { KafkaJSBrokerNotFound } = require('kafkajs/src/errors') as { KafkaJSBrokerNotFound: NewError }
  prototype.withBroker = async function askReachable(this: BrokerPool, callback) {
    const connected = Object.groupBy(shuffle(Object.entries(this.brokers)), ([, broker]) => String(broker.isConnected()))
    // kafkajs loads the metadata after this error, and tries again.
    let failure: Error = new KafkaJSBrokerNotFound('There is no broker to ask')
    for (const [nodeId] of [...(connected['true'] ?? []), ...(connected['false'] ?? [])]) {
      try {
        return await callback({ nodeId, broker: await this.findBroker({ nodeId }) })
      } catch (error) {
        failure = error as Error
      }
    }
    throw isUnreachable(failure) ? Object.assign(failure, { retriable: true }) : failure
  }
}

interface Cluster {
  fetchTopicsOffset(topics: object): Promise<unknown>
  refreshMetadata(): Promise<void>
}

/** kafkajs asks a broker that does not lead the partition any more for offsets until its metadata are out of date. */
export function refreshLeaders(): void {
  const { prototype } = require('kafkajs/src/cluster') as { prototype: Cluster }
  const { staleMetadata } = require('kafkajs/src/protocol/error') as { staleMetadata(error: unknown): boolean }
  const original = prototype.fetchTopicsOffset
  prototype.fetchTopicsOffset = async function fetchOffsets(this: Cluster, topics) {
    try {
      return await original.call(this, topics)
    } catch (error) {
      if (staleMetadata(error)) await this.refreshMetadata().catch(() => undefined)
      throw error
    }
  }
}

interface Lock {
  acquire(): Promise<void>
}

/** A lock is held while a broker does not answer. kafkajs calls it final when it cannot be had, which ends the consumer. */
export function retryLocks(): void {
  const { prototype } = require('kafkajs/src/utils/lock') as { prototype: Lock }
  const original = prototype.acquire
  prototype.acquire = async function acquireOrRetry(this: Lock) {
    try {
      await original.call(this)
    } catch (error) {
      throw error instanceof Error ? Object.assign(error, { retriable: true }) : error
    }
  }
}
