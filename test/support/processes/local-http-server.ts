import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface LocalHttpServer extends AsyncDisposable {
  /** "http://127.0.0.1:23456" */
  readonly origin: string
}

/** Serves HTTP on a free port of this machine. Disposing closes its connections too. */
export async function serveLocally(listener: RequestListener): Promise<LocalHttpServer> {
  const server = createServer(listener)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
