import { connect } from 'node:net'

/**
 * "Who coordinates the group a?", the question whose answer needs everything that clients will need: a live broker, its
 * controller, and the topic of the groups' offsets, which the first question creates. The bytes: length, request 10 in
 * version 0, correlation id, no client id, "a".
 */
const REQUEST = Buffer.from('0000000d000a000000000001ffff000161', 'hex')
/** Length and correlation id come before the error code, which is 0 when all is well. */
const ERROR_AT = 8

/** True once the broker on this port of 127.0.0.1 serves consumer groups, the last thing it is ready for. */
export function brokerAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 })
    const settle = (ready: boolean) => {
      socket.destroy()
      resolve(ready)
    }
    socket.on('connect', () => socket.write(REQUEST))
    socket.on('data', (answer) => settle(answer.readInt16BE(ERROR_AT) === 0))
    socket.on('timeout', () => settle(false))
    // Refused or cut off: not yet.
    socket.on('error', () => settle(false))
    socket.on('end', () => settle(false))
  })
}
