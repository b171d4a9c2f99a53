import { once } from 'node:events'
import { createServer } from 'node:net'
import { UserError } from '../pipeline/user-error.ts'

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  await using server = await listen(0, '127.0.0.1')
  return server.port
}

/**
 * Checks that a server can listen on `port` and that "localhost" will mean that server, whichever address it resolves to.
 * @param changeWith what a person changes to choose another port, such as "DB_PORT"
 * @throws {UserError} when another program listens there
 */
export async function requireFreePort(port: number, name: string, changeWith?: string): Promise<void> {
  for (const host of ['127.0.0.1', '::1']) {
    try {
      await using _ = await listen(port, host)
    } catch (error) {
      // A machine without IPv6 has no ::1 to listen on, so nobody else listens there either.
      const code = (error as NodeJS.ErrnoException).code
      if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) continue
      if (code !== 'EADDRINUSE') throw error
      const instead =
        changeWith === undefined ? 'choose another port' : `choose another port with ${changeWith}`
      throw new UserError(
        `Port ${port}, meant for ${name}, is taken: stop the program that uses it, or ${instead}.`,
        {
          cause: error,
        },
      )
    }
  }
}

async function listen(port: number, host: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer()
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`No port: ${address}`)
  return { port: address.port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}
