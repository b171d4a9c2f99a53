import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { UserError } from '../telemetry/user-error.ts'

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  // Below the ports of outgoing connections: a client that knocks while its server is down could be given that very
  // port for its own end, and the server could not come back.
  const port = randomInt(20_000, 30_000)
  return (await isFree(port)) ? port : freePort()
}

/**
 * Checks that a server can listen on `port` of 127.0.0.1, and that "localhost" will mean that server.
 * @param changeWith what a person changes to choose another port, such as "DB_PORT"
 * @throws {UserError} when another program listens there
 */
export async function requireFreePort(port: number, name: string, changeWith?: string): Promise<void> {
  if (await isFree(port)) return
  const instead = changeWith === undefined ? 'choose another port' : `choose another port with ${changeWith}`
  throw new UserError(
    `Port ${port}, meant for ${name}, is taken: stop the program that uses it, or ${instead}.`,
  )
}

/** Whether a server can listen on `port` of 127.0.0.1, and "localhost" will mean that server. */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'))
}

async function canListen(port: number, host: string): Promise<boolean> {
  await using server = createServer()
  try {
    await once(server.listen(port, host), 'listening')
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE') return false
    // Nobody listens on the ::1 of a machine without IPv6.
    if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return true
    throw error
  }
}
