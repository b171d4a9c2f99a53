import { connect } from 'node:net'
import { CLUSTER_ID } from './kafka-settings.ts'

/** Metadata, version 2, for no topics: the smallest request whose answer names the cluster and its live brokers. */
const REQUEST = Buffer.from([
  ...[0, 0, 0, 14], // bytes that follow
  ...[0, 3, 0, 2], // request 3, version 2
  ...[0, 0, 0, 1], // correlation id
  ...[255, 255], // no client id
  ...[0, 0, 0, 0], // no topics
])
/** Length and correlation id come before the number of brokers. */
const BROKERS_AT = 8

/** True once our broker on this port of 127.0.0.1 answers and counts itself among the living. */
export function brokerAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 })
    const settle = (ready: boolean) => {
      socket.destroy()
      resolve(ready)
    }
    socket.on('connect', () => socket.write(REQUEST))
    socket.on('data', (answer) => settle(answer.includes(CLUSTER_ID) && answer.readInt32BE(BROKERS_AT) > 0))
    socket.on('timeout', () => settle(false))
    // Refused or cut off: not yet.
    socket.on('error', () => settle(false))
    socket.on('end', () => settle(false))
  })
}
