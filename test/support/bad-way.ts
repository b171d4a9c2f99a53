import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A way to a broker on which things go wrong when they are told to. */
export interface BadWay extends AsyncDisposable {
  readonly port: number
  /** How many connections there were so far. */
  readonly connections: number
  /** Whether what the broker answers to produce requests gets lost. */
  isSwallowing: boolean
  /** Whether the connection breaks when somebody asks for a group's coordinator. */
  isHangingUp: boolean
}

/** Kinds of requests, as the protocol numbers them. */
const PRODUCE = 0
const FIND_COORDINATOR = 10

/** @param port of the broker on 127.0.0.1 */
export async function startBadWay(port: number): Promise<BadWay> {
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((client) => {
    connections += 1
    const broker = connect(port, '127.0.0.1')
    const produces = new Set<number>()
    forward(client, broker, (frame) => {
      // A request: length, kind, version, number.
      const kind = frame.readInt16BE(4)
      if (kind === PRODUCE) produces.add(frame.readInt32BE(8))
      if (kind === FIND_COORDINATOR && way.isHangingUp) client.destroy()
      return true
    })
    // An answer: length, number of the request.
    forward(broker, client, (frame) => !produces.delete(frame.readInt32BE(4)) || !way.isSwallowing)
    for (const socket of [client, broker]) sockets.add(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const way = {
    port: (server.address() as AddressInfo).port,
    isSwallowing: false,
    isHangingUp: false,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
  return way
}

/** Passes on the frames that `isWanted`, each as a whole. */
function forward(from: Socket, to: Socket, isWanted: (frame: Buffer) => boolean): void {
  let waiting = Buffer.alloc(0)
  from.on('data', (data) => {
    waiting = Buffer.concat([waiting, data])
    while (waiting.length >= 4) {
      const end = 4 + waiting.readInt32BE(0)
      if (waiting.length < end) break
      const frame = waiting.subarray(0, end)
      waiting = waiting.subarray(end)
      if (isWanted(frame)) to.write(frame)
    }
  })
  from.on('close', () => to.destroy())
  from.on('error', () => to.destroy())
}
