import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Health } from '../pipeline/health.ts'
import { UserError } from '../pipeline/user-error.ts'

export interface Doors extends AsyncDisposable {
  readonly port: number
}

/**
 * Serves /healthz (alive) and /readyz (connected and assigned) to whoever supervises the process: 200 or 503.
 * Port 0 takes any that is free.
 * @throws {UserError} when the port is taken
 */
export async function openDoors(port: number, health: Health): Promise<Doors> {
  const server = createServer((request, response) => {
    const [status, text] = answer(request.url ?? '/', health)
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
  })
  await listen(server, port)
  // The doors do not keep a process alive that has nothing else to do.
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(url: string, health: Health): [number, string] {
  if (url === '/healthz') return health.isAlive() ? [200, 'alive'] : [503, 'no progress']
  if (url === '/readyz') return health.isReady() ? [200, 'ready'] : [503, 'not ready']
  return [404, 'Here are /healthz and /readyz.']
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    server.listen(port)
    await once(server, 'listening')
  } catch (cause) {
    throw new UserError(`Port ${port} is taken: set METRICS_PORT to another one, or to 0 for any.`, { cause })
  }
}
