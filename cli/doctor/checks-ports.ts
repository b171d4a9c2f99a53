import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../../pipeline/config.ts'
import { failure, pass, warning, type Finding } from './finding.ts'

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

/** A port of the pipeline's servers. */
export interface Port {
  readonly port: number
  readonly server: string
  /** Whether nothing works without it. */
  readonly isNeeded: boolean
  /** How to use another one. */
  readonly change: string
}

function portsOf({ BOOTSTRAP_SERVERS, DB_PORT, ...urls }: Config, missing: readonly string[]): Port[] {
  const needed = [
    ['Kafka', Number(/\d+$/.exec(BOOTSTRAP_SERVERS[0] ?? '')?.[0]), '`npm run demo -- --kafka-port 29092` or KAFKA_PORT'],
    ['Postgres', DB_PORT, 'DB_PORT for `npm run demo` or POSTGRES_PORT'],
  ] as const
  const others = [
    ['Grafana', localPort(urls.GRAFANA_URL), 'GRAFANA_PORT'],
    ['Prometheus', localPort(urls.PROMETHEUS_URL), 'PROMETHEUS_PORT'],
    ['Tempo', localPort(urls.TEMPO_URL), 'TEMPO_PORT'],
    ['Kafka UI', 18_080, 'KAFKA_UI_PORT'],
    ['pgweb', 18_081, 'PGWEB_PORT'],
  ] as const
  // While one of Kafka and Postgres runs, the others may be ours.
  const all = missing.length === 2 ? [...needed, ...others] : needed.filter(([server]) => missing.includes(server))
  return all.flatMap(([server, port, change], index) => {
    if (port === undefined) return []
    return [{ server, port, isNeeded: index < 2, change: `${change} for \`docker compose up\`` }]
  })
}

/** The port of a URL on this machine. */
function localPort(url: string): number | undefined {
  const { port, hostname } = new URL(url)
  return port !== '' && /^(localhost|127\.0\.0\.1)$/.test(hostname) ? Number(port) : undefined
}

/** @param missing those of Kafka and Postgres that do not answer and would have to be started here */
export async function checkPorts(config: Config, missing: readonly ('Kafka' | 'Postgres')[]): Promise<Finding[]> {
  const ports = portsOf(config, missing)
  const areFree = await Promise.all(ports.map(({ port }) => isFree(port)))
  return judgePorts(
    ports,
    ports.filter((_, index) => !areFree[index]),
  )
}

/** @param taken those of the ports on which another program listens */
export function judgePorts(ports: readonly Port[], taken: readonly Port[]): Finding[] {
  if (taken.length === 0) return [pass('ports', `The ports are free: ${ports.map(({ port }) => port).join(', ')}`)]
  return taken.map(({ server, port, isNeeded, change }) => {
    const message = `Port ${port}, meant for ${server}, is taken by another program`
    const remedy = `stop that, or choose another port with ${change}`
    return isNeeded
      ? failure('ports', message, remedy)
      : warning('ports', `${message}; \`npm run demo\` does without ${server}`, remedy)
  })
}
