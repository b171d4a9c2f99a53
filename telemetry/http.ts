import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Health } from './health.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { UserError } from './user-error.ts'

// `import 'node:http'` makes all its exports, among them WebSocket and the other browser APIs: 14 MB in each process.
const { createServer } = process.getBuiltinModule('node:http')

/** What a client may hold at most, so that slow or many ones take neither memory nor connections from the process. */
const limits = {
  /** Bytes of all headers; Prometheus and Grafana send less than one kilobyte. */
  maxHeaderSize: 8192,
  /** Milliseconds for the headers, and for the whole request. */
  headersTimeout: 5000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1000,
} as const

/** For a client that does not read its answer. A handler takes up to 13 s while Postgres is away. */
const IDLE_TIMEOUT_MS = 15_000

const MAX_CONNECTIONS = 100

/** The content type is plain text by default. */
type HttpAnswer = readonly [status: number, body: string, contentType?: string]

export interface HttpRoute {
  /** Without a query: "/alerts". */
  readonly path: string
  readonly handle: (request: IncomingMessage) => Promise<HttpAnswer>
}

interface HttpServerOptions {
  /** An address of this machine. */
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  readonly health: Health
  readonly metrics: Metrics
  readonly log: Log
  /** Routes besides those that all processes have. */
  readonly routes: readonly HttpRoute[]
}

export type HttpServer = Awaited<ReturnType<typeof serveHttp>>

/**
 * Serves /metrics to Prometheus, and /healthz (alive) and /readyz (connected and assigned) to the supervisor of the process:
 * 200 or 503. It does not keep a process alive that has nothing else to do.
 * @throws {UserError} when the port is taken, or the host is not this machine
 */
export async function serveHttp(options: HttpServerOptions) {
  const { host, port } = options
  const server = createServer(limits, (request, response) => void respond(request, response, options))
  server.timeout = IDLE_TIMEOUT_MS
  server.maxConnections = MAX_CONNECTIONS
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new UserError(
      code === 'EADDRINUSE'
        ? `Port ${port} is taken: set METRICS_PORT to another one, or to 0 for any.`
        : `Cannot listen at ${host}, port ${port} (${code}): set METRICS_HOST to an address of this machine, METRICS_PORT to a port that may be used.`,
      { cause },
    )
  }
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

/** A handler that fails is logged and answered with 500: the process has other work to go on with. */
async function respond(request: IncomingMessage, response: ServerResponse, options: HttpServerOptions): Promise<void> {
  const name = `${request.method} ${request.url?.slice(0, 100)}`
  const answer = await answerTo(request, options).catch((err: unknown): HttpAnswer => {
    const outcome = response.destroyed ? 'was aborted by the client' : 'could not be answered'
    options.log.warn({ err }, `${name} ${outcome}`)
    return [500, `${name} failed: the log of this process says why.`]
  })
  const [status, body, type = 'text/plain; charset=utf-8'] = answer
  response.writeHead(status, { 'content-type': type }).end(`${body.trimEnd()}\n`)
}

async function answerTo(request: IncomingMessage, { health, metrics, routes }: HttpServerOptions): Promise<HttpAnswer> {
  const route = routes.find(({ path }) => path === request.url)
  if (route !== undefined) return await route.handle(request)
  if (request.url === '/metrics') {
    const { text, type } = await metrics.page(request.headers.accept ?? '')
    return [200, text, type]
  }
  if (request.url === '/healthz') return health.isAlive() ? [200, 'alive'] : [503, 'no progress']
  if (request.url === '/readyz') return health.isReady() ? [200, 'ready'] : [503, 'not ready']
  const paths = ['/metrics', '/healthz', ...routes.map(({ path }) => path)]
  return [404, `Here are ${paths.join(', ')} and /readyz.`]
}
