import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy in front of a broker that can inject faults. */
export interface FaultyProxy extends AsyncDisposable {
  readonly port: number
  /** The number of connections so far. */
  readonly connections: number
  /** Drops the responses to produce requests. */
  dropsProduceResponses: boolean
  /** Closes the connection when a client sends FindCoordinator. */
  breaksOnFindCoordinator: boolean
}

/** API keys of the Kafka protocol. */
const PRODUCE = 0
const FIND_COORDINATOR = 10

/** @param port of the broker on 127.0.0.1 */
export async function startFaultyProxy(port: number): Promise<FaultyProxy> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    connections += 1
    const broker = connect(port, '127.0.0.1')
    const produces = new Set<number>()
    forward(client, broker, (frame) => {
      // A request begins with its length, API key, API version and correlation id.
      const apiKey = frame.readInt16BE(4)
      if (apiKey === PRODUCE) produces.add(frame.readInt32BE(8))
      if (apiKey === FIND_COORDINATOR && proxy.breaksOnFindCoordinator) client.destroy()
      return true
    })
    // A response begins with its length and the correlation id of the request.
    forward(broker, client, (frame) => !produces.delete(frame.readInt32BE(4)) || !proxy.dropsProduceResponses)
    for (const socket of [client, broker]) sockets.add(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const proxy = {
    port: (server.address() as AddressInfo).port,
    dropsProduceResponses: false,
    breaksOnFindCoordinator: false,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
  return proxy
}

/** Forwards the complete frames for which `isWanted` returns true. */
function forward(from: Socket, to: Socket, isWanted: (frame: Buffer) => boolean): void {
  let buffered = Buffer.alloc(0)
  from.on('data', (data) => {
    buffered = Buffer.concat([buffered, data])
    while (buffered.length >= 4) {
      const end = 4 + buffered.readInt32BE(0)
      if (buffered.length < end) break
      const frame = buffered.subarray(0, end)
      buffered = buffered.subarray(end)
      if (isWanted(frame)) to.write(frame)
    }
  })
  from.on('close', () => to.destroy())
  from.on('error', () => to.destroy())
}
