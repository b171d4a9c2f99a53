import { once } from 'node:events'
import { connect } from 'node:net'
import { createAdmin, createCluster, createKafka, type Admin, type Cluster as KafkajsCluster } from '../../kafka/client.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import type { LocalServer } from '../../local/local-server.ts'
import type { Config } from '../../pipeline/config.ts'
import { topicPlan } from '../../pipeline/route.ts'
import type { ChaosServers } from './chaos-servers.ts'
import type { FaultTarget } from './faults.ts'
import { createLog } from '../../telemetry/log.ts'
import { waitUntil } from '../../telemetry/wait-until.ts'

/** The brokers of a cluster and their roles, and what runs on it. A node's id is its place in the list, from 1. */
export interface Cluster extends ClusterOptions, AsyncDisposable {
  readonly brokers: readonly LocalServer[]
  readonly admin: Admin
  readonly topics: readonly string[]
  /** The broker that leads most partitions. */
  leader(): Promise<LocalServer>
  /** The broker that coordinates a consumer group. */
  coordinator(group: string): Promise<LocalServer>
  /** The node that leads the quorum of controllers. */
  controller(): Promise<LocalServer>
  /** Resolves when each partition has all its replicas in sync. */
  whole(): Promise<void>
  /** Makes the first replica of each partition its leader; resolves when it is. */
  electPreferredLeaders(): Promise<void>
}

export interface ClusterOptions {
  readonly config: Config
  readonly servers: ChaosServers
  /** The processes of each stage, by its name. */
  readonly targets: ReadonlyMap<string, readonly FaultTarget[]>
  readonly random: () => number
}

/** kafkajs's own, which says where a group's coordinator is. */
interface CoordinatorSearch extends KafkajsCluster {
  findGroupCoordinator(group: { readonly groupId: string }): Promise<{ readonly nodeId: number | string }>
}

const WHOLE_TIMEOUT_MS = 600_000

export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { config, servers } = options
  const { brokers } = servers
  const kafka = createKafka(kafkaSettings(config, 'chaos-faults'), createLog('silent', {}))
  const [admin, search] = [createAdmin(kafka), createCluster(kafka) as CoordinatorSearch]
  await Promise.all([admin.connect(), search.connect()])
  const topics = topicPlan(config).names
  const node = (id: number | string) => brokers[Number(id) - 1] as LocalServer
  const partitions = async () => {
    const described = await admin.fetchTopicMetadata({ topics: [...topics, '__consumer_offsets'] })
    return described.topics.flatMap((topic) => topic.partitions)
  }
  const isWhole = async () => {
    try {
      return (await partitions()).every(({ isr, replicas }) => isr.length === replicas.length)
    } catch {
      return false
    }
  }
  return {
    ...options,
    brokers,
    admin,
    topics,
    async leader() {
      const led = Map.groupBy(await partitions(), (partition) => partition.leader)
      const [most] = [...led].toSorted(([, one], [, other]) => other.length - one.length)
      return node(most?.[0] ?? 1)
    },
    async coordinator(groupId) {
      await search.refreshMetadata()
      return node((await search.findGroupCoordinator({ groupId })).nodeId)
    },
    controller: async () => node(await quorumLeader(brokers.map(({ port }) => port))),
    whole: async () =>
      void (await waitUntil('every replica is in sync', isWhole, { timeoutMs: WHOLE_TIMEOUT_MS, everyMs: 500 })),
    async electPreferredLeaders() {
      await request(brokers[0]?.port ?? 0, ELECT_LEADERS)
      const arePreferred = async () => (await partitions()).every(({ leader, replicas }) => leader === replicas[0])
      await waitUntil('the first replicas lead', arePreferred, { timeoutMs: WHOLE_TIMEOUT_MS, everyMs: 500 })
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([admin.disconnect(), search.disconnect()])
    },
  }
}

/**
 * Requests that kafkajs does not know; no client id. Source: https://kafka.apache.org/protocol.
 * DescribeQuorum 0 for partition 0 of __cluster_metadata; ElectLeaders 0 for all partitions, with a timeout of 30 s.
 */
const DESCRIBE_QUORUM = Buffer.concat([
  Buffer.from('0037000000000001ffff000213', 'hex'),
  Buffer.from('__cluster_metadata'),
  Buffer.from('0200000000000000', 'hex'),
])
const ELECT_LEADERS = Buffer.from('002b000000000001ffffffffffff00007530', 'hex')
/** After length, correlation id, tags, error code, and the first topic's name, partition, index and error code. */
const LEADER_ID_AT = 38

async function quorumLeader(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const answer = await request(port, DESCRIBE_QUORUM).catch(() => undefined)
    if (answer !== undefined && answer.length > LEADER_ID_AT + 4) return answer.readInt32BE(LEADER_ID_AT)
  }
  throw new Error('No broker says which controller is active.')
}

async function request(port: number, body: Buffer): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length)
    socket.write(Buffer.concat([length, body]))
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(30_000) })) as [Buffer]
    return answer
  } finally {
    socket.destroy()
  }
}
