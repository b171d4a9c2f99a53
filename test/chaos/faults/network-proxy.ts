import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { freePort } from '../../../local/host-resources.ts'

/** A TCP proxy in front of a server on 127.0.0.1 whose network can be cut. */
export interface NetworkProxy extends AsyncDisposable {
  readonly port: number
  /** The port of the server; set it before the first connection. */
  target: number
  /** Closes all connections and refuses new ones. */
  refuse(): Promise<void>
  /** Accepts connections and forwards nothing. */
  hang(): void
  /** Ends both; what waited is forwarded. */
  restore(): Promise<void>
}

export async function startNetworkProxy(): Promise<NetworkProxy> {
  const port = await freePort()
  const sockets = new Set<Socket>()
  let hanging: PromiseWithResolvers<void> | undefined
  async function* gate(source: AsyncIterable<Buffer>) {
    for await (const chunk of source) {
      await hanging?.promise
      yield chunk
    }
    await hanging?.promise
  }
  const forward = (from: Socket, to: Socket) => {
    sockets.add(from)
    from.once('close', () => sockets.delete(from))
    // A connection that breaks on one side breaks on the other.
    pipeline(from, gate, to).catch(() => [from, to].forEach((socket) => socket.destroy()))
  }
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port: proxy.target, noDelay: true })
    forward(client, upstream)
    forward(upstream, client)
  })
  const listen = async () => void (await once(server.listen(port, '127.0.0.1'), 'listening'))
  const refuse = async () => {
    if (!server.listening) return
    const closed = once(server.close(), 'close')
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const proxy: NetworkProxy = {
    port,
    target: 0,
    refuse,
    hang: () => void (hanging ??= Promise.withResolvers()),
    async restore() {
      hanging?.resolve()
      hanging = undefined
      if (!server.listening) await listen()
    },
    [Symbol.asyncDispose]: refuse,
  }
  await listen()
  return proxy
}
