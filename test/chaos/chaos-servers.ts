import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startDedicatedServers, type DedicatedServers } from '../support/processes/dedicated-servers.ts'
import { startNetworkProxy, type NetworkProxy } from './faults/network-proxy.ts'
import { mountSmallDisk, type SmallDisk } from './faults/small-disk.ts'

/** Kafka and Postgres with a proxy in front of each broker and of Postgres, behind which the pipeline's processes are. */
export interface ChaosServers extends DedicatedServers {
  readonly brokerProxies: readonly NetworkProxy[]
  readonly postgresProxy: NetworkProxy
  /** The settings with which a process connects through the proxies. */
  readonly proxiedEnv: Readonly<Record<string, string>>
  /** The disk of the last of three brokers; undefined where nothing can be mounted. */
  readonly disk: SmallDisk | undefined
}

export async function startChaosServers(brokers: number, say: (line: string) => void): Promise<ChaosServers> {
  await using starting = new AsyncDisposableStack()
  const startProxy = async () => starting.use(await startNetworkProxy())
  const brokerProxies: NetworkProxy[] = []
  for (let broker = 1; broker <= brokers; broker += 1) brokerProxies.push(await startProxy())
  const postgresProxy = await startProxy()
  let disk: SmallDisk | undefined
  const prepare = async (kafkaDir: string) => {
    if (brokers === 1) return undefined
    const directory = join(kafkaDir, `${brokers}-of-${brokers}`)
    await mkdir(directory, { recursive: true })
    const mounting = mountSmallDisk(directory)
    disk = await mounting.catch((error: unknown) => {
      say(`Nothing can be mounted here, so no disk gets full: ${String(error)}`)
      return undefined
    })
    return disk
  }
  const proxyPorts = brokerProxies.map(({ port }) => port)
  const servers = starting.use(await startDedicatedServers({ brokers, proxyPorts, prepare }))
  for (const [index, proxy] of brokerProxies.entries()) proxy.target = (servers.brokers[index]?.port ?? 0) + brokers
  postgresProxy.target = servers.postgres.port
  const addresses = proxyPorts.map((port) => `127.0.0.1:${port}`).join(',')
  const proxiedEnv = { ...servers.env, BOOTSTRAP_SERVERS: addresses, DB_PORT: String(postgresProxy.port) }
  const running = starting.move()
  const added = { brokerProxies, postgresProxy, proxiedEnv, disk }
  return { ...servers, ...added, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
