import { once } from 'node:events'
import { createServer } from 'node:net'

/** What the README says is needed: the oldest versions, and bytes of memory and disk. */
export const needs = {
  node: '24',
  docker: '28',
  compose: '2.24.4',
  buildx: '0.17',
  java: '17',
  dockerMemory: 3e9,
  memory: 1e9,
  disk: 1e9,
} as const

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
    // A machine without IPv6 has no ::1.
    if (host === '::1' && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) return true
    throw error
  }
}
