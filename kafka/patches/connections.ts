import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

const require = createRequire(import.meta.url)

interface Request {
  /** Milliseconds: the connection's request timeout, or more where the request has its own. */
  readonly requestTimeout: number
  readonly entry: { readonly apiName: string }
}

interface RequestQueue {
  /** In the order in which they were sent, which is that of the answers. */
  readonly inflight: ReadonlyMap<number, Request>
  readonly pending: readonly unknown[]
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
  readonly connectionTimeout: number
  readonly host: string
  readonly port: number
  readonly requestQueue: RequestQueue
  readonly sasl: object | null
  socket: Socket | null
  connecting?: Promise<boolean> | undefined
  isConnected(): boolean
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
  send(request: object): Promise<unknown>
  rejectRequests(error: Error): void
}

interface ApiVersions {
  protocol(of: { readonly version: number }): () => object
}

type NewError = new (message: string, details: object) => Error

/** Milliseconds. SyncGroup waits for the group's leader, longer than the request timeout; kafkajs gives only JoinGroup more. */
export const SYNC_GROUP_TIMEOUT = 30_000
const CHECK_INTERVAL = 100
/** Milliseconds. A broker that is busy or collects garbage takes less. */
const SHORTEST_TIMEOUT = 5000

/** Answered without waiting for other members or replicas; a Fetch waits for a second at most. */
const answeredAtOnce = new Set('ApiVersions SaslHandshake Fetch GroupCoordinator Heartbeat ListOffsets Metadata'.split(' '))

/**
 * A connection on which a request stays without an answer is closed, and its requests fail with a connection error: the next
 * one connects again, or goes to another broker. kafkajs keeps the connection, so a frozen broker costs one timeout after the
 * other. The process's idle connections to that broker are closed, too: the next request on each would wait as long again.
 */
export function closeSilentConnections(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue }
  const events = require('kafkajs/src/network/instrumentationEvents') as { NETWORK_REQUEST_TIMEOUT: string }
  const errors = require('kafkajs/src/errors') as Record<
    'KafkaJSConnectionClosedError' | 'KafkaJSConnectionError',
    NewError
  >
  const open = new Set<RequestQueue>()
  const close = ({ connection, broker, clientId, instrumentationEmitter }: RequestQueue, apiName: string) => {
    instrumentationEmitter?.emit(events.NETWORK_REQUEST_TIMEOUT, { apiName, broker, clientId })
    if (connection === undefined) return
    // After these errors, unlike after others, kafkajs asks for new metadata at once.
    const Failed = isNew(connection) ? errors.KafkaJSConnectionError : errors.KafkaJSConnectionClosedError
    const error = new Failed(`no answer to ${apiName} from ${broker}`, connection)
    connection.rejectRequests(error)
    connection.socket?.destroy(error)
    for (const other of open) {
      const isIdle = other.broker === broker && other.inflight.size + other.pending.length === 0
      // Without an error kafkajs does not notice.
      if (isIdle && other.isConnected()) other.connection?.socket?.destroy(error)
    }
  }
  prototype.scheduleRequestTimeoutCheck = function closeSilent(this: RequestQueue) {
    let [silentMs, bytesRead] = [0, 0]
    // Checks are counted instead of the time: a process that was frozen itself has not waited.
    const check = () => {
      const oldest = this.inflight.values().next().value
      const read = this.connection?.socket?.bytesRead ?? 0
      silentMs = oldest === undefined || read !== bytesRead ? 0 : silentMs + CHECK_INTERVAL
      bytesRead = read
      if (oldest !== undefined && silentMs > answerTimeout(oldest, this.connection)) close(this, oldest.entry.apiName)
      if (this.isConnected()) return
      this.destroy()
      open.delete(this)
    }
    this.destroy()
    // Those that kafkajs itself has disconnected are not checked any more.
    for (const other of open) if (!other.isConnected()) open.delete(other)
    open.add(this)
    this.requestTimeoutIntervalId = setInterval(check, CHECK_INTERVAL)
  }
}

/** Of the oldest request only: a broker answers the requests of a connection one after the other. */
function answerTimeout({ entry, requestTimeout }: Request, connection: Connection | undefined): number {
  if (entry.apiName === 'SyncGroup') return Math.max(requestTimeout, SYNC_GROUP_TIMEOUT)
  if (!answeredAtOnce.has(entry.apiName)) return requestTimeout
  if (connection !== undefined && isNew(connection)) return Math.min(requestTimeout, connection.connectionTimeout)
  return Math.min(requestTimeout, Math.max(SHORTEST_TIMEOUT, requestTimeout / 2))
}

/** A frozen broker's system accepts a connection, on which nothing ever comes. */
const isNew = ({ socket }: Connection) => socket?.bytesRead === 0

/**
 * A connection has one socket, and is used when the broker has answered on it, which a frozen one does not. kafkajs opens
 * another one for each call of `connect` while it connects, keeps the old one after a timeout, and lets the events of an old
 * socket reject the requests on the new one. Unlike Kafka's own clients it leaves Nagle's algorithm on.
 */
export function keepOneSocket(): void {
  const { prototype } = require('kafkajs/src/network/connection') as { prototype: Connection }
  const { connect, disconnect } = prototype
  const { protocol } = require('kafkajs/src/protocol/requests/apiVersions') as ApiVersions
  const open = async (connection: Connection) => {
    await connect.call(connection)
    // Otherwise the last packet of a request waits until the broker has acknowledged those before it.
    connection.socket?.setNoDelay()
    // A login begins with a request of its own, and a broker closes a connection on which another comes in between.
    if (!connection.sasl) await connection.send(protocol({ version: 0 })())
    return true
  }
  prototype.connect = function connectOnce(this: Connection) {
    if (this.connecting === undefined && this.isConnected()) return Promise.resolve(true)
    this.requestQueue.connection = this
    if (this.connecting === undefined) {
      discard(this.socket)
      this.connecting = open(this).finally(() => (this.connecting = undefined))
    }
    return this.connecting
  }
  prototype.disconnect = function disconnectOpen(this: Connection) {
    if (this.socket?.destroyed) this.socket = null
    return disconnect.call(this)
  }
}

function discard(socket: Socket | null | undefined): void {
  for (const event of ['connect', 'secureConnect', 'data', 'end', 'timeout', 'error']) socket?.removeAllListeners(event)
  socket?.on('error', () => undefined).destroy()
}
