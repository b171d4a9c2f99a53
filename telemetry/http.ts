import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Health } from './health.ts'
import type { Log } from './log.ts'
import { UserError } from './user-error.ts'
import type { Metrics } from './metrics.ts'

// An import of node:http looks at all that it has, and so loads what programs for browsers need: 14 MB for each process.
const { createServer } = process.getBuiltinModule('node:http')

/** What one process answers beside the three doors that all have. */
export interface Door {
  /** Without a query: "/alerts". */
  readonly path: string
  readonly answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>
}

export interface OpenDoors {
  /** An address of this machine. */
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  readonly health: Health
  readonly metrics: Metrics
  readonly log: Log
  readonly more: readonly Door[]
}

export interface Doors extends AsyncDisposable {
  readonly port: number
}

/**
 * Serves /metrics to Prometheus, and /healthz (alive) and /readyz (connected and assigned) to whoever supervises the
 * process: 200 or 503.
 * @throws {UserError} when the port is taken, or the host is not this machine
 */
export async function openDoors(doors: OpenDoors): Promise<Doors> {
  const server = createServer((request, response) => void answerAnyhow(request, response, doors))
  await listen(server, doors)
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

/** What goes wrong behind a door is told to whoever asked and to the log; the process has other work than that. */
async function answerAnyhow(
  request: IncomingMessage,
  response: ServerResponse,
  doors: OpenDoors,
): Promise<void> {
  try {
    await answer(request, response, doors)
  } catch (err) {
    const asked = `${request.method} ${request.url}`
    const fate = response.destroyed ? 'was broken off by whoever asked' : 'could not be answered'
    doors.log.warn({ err }, `${asked} ${fate}`)
    if (response.headersSent) response.destroy()
    else response.writeHead(500, plainText).end(`${asked} failed: the log of this process says why.\n`)
  }
}

const plainText = { 'content-type': 'text/plain; charset=utf-8' }

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

async function listen(server: Server, { host, port }: OpenDoors): Promise<void> {
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UserError(
      code === 'EADDRINUSE'
        ? `Port ${port} is taken: set METRICS_PORT to another one, or to 0 for any.`
        : `Nobody can be answered at ${host}, port ${port} (${code}): set METRICS_HOST to an address of this machine, METRICS_PORT to a port that may be used.`,
      { cause },
    )
  }
}
