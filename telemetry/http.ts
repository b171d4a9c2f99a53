import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Health } from '../pipeline/health.ts'
import { UserError } from '../pipeline/user-error.ts'
import type { Metrics } from './metrics.ts'

/** What one process answers beside the three doors that all have. */
export interface Door {
  /** Without a query: "/alerts". */
  readonly path: string
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}

export interface OpenDoors {
  /** 0 takes any that is free. */
  readonly port: number
  readonly health: Health
  readonly metrics: Metrics
  readonly more: readonly Door[]
}

export interface Doors extends AsyncDisposable {
  readonly port: number
}

/**
 * Serves /metrics to Prometheus, and /healthz (alive) and /readyz (connected and assigned) to whoever supervises the
 * process: 200 or 503.
 * @throws {UserError} when the port is taken
 */
export async function openDoors(doors: OpenDoors): Promise<Doors> {
  const server = createServer((request, response) => void answer(request, response, doors))
  await listen(server, doors.port)
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { health, metrics, more }: OpenDoors,
): Promise<void> {
  const say = (status: number, text: string, type = 'text/plain; charset=utf-8') =>
    response.writeHead(status, { 'content-type': type }).end(text)
  const door = more.find(({ path }) => path === request.url)
  if (door !== undefined) await door.answer(request, response)
  else if (request.url === '/metrics') {
    const page = await metrics.page(request.headers.accept ?? '')
    say(200, page.text, page.type)
  } else if (request.url === '/healthz') say(...(health.isAlive() ? okay('alive') : away('no progress')))
  else if (request.url === '/readyz') say(...(health.isReady() ? okay('ready') : away('not ready')))
  else
    say(
      404,
      `Here are ${['/metrics', '/healthz', ...more.map(({ path }) => path)].join(', ')} and /readyz.\n`,
    )
}

const okay = (text: string): [number, string] => [200, `${text}\n`]
const away = (text: string): [number, string] => [503, `${text}\n`]

async function listen(server: Server, port: number): Promise<void> {
  try {
    server.listen(port)
    await once(server, 'listening')
  } catch (cause) {
    throw new UserError(`Port ${port} is taken: set METRICS_PORT to another one, or to 0 for any.`, { cause })
  }
}
