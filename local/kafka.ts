import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { runToEnd } from './child-process.ts'
import { freePort, requireFreePort } from './host-resources.ts'
import { type JarsOptions, java, kafkaJars, requireJava } from './kafka-install.ts'
import { type LocalServer, type ServerOptions, startServer } from './local-server.ts'

/** 16 bytes in base64url. All local clusters share it: none of them ever connects to another. */
const CLUSTER_ID = 'ThroughlineLocalKafkaA'
const PROPERTIES = join(import.meta.dirname, 'broker.properties')

export interface KafkaOptions extends ServerOptions, JarsOptions {
  /** How many, 1 by default. Their ports are `port` and those that follow it. */
  readonly brokers?: number
  readonly security?: BrokerSecurity
  /**
   * Ports of a proxy in front of each broker, for tests. Clients that begin with one of them stay behind the proxies, which
   * forward to `port` + the number of brokers, and so on; brokers talk to each other past them.
   */
  readonly proxyPorts?: readonly number[] | undefined
}

/** Listeners with encryption or login beside the plaintext one, for tests. */
export interface BrokerSecurity {
  /** Added to `listeners`: "SECURE://localhost:19093". */
  readonly listeners: readonly string[]
  /** Further lines of server.properties. */
  readonly properties: readonly string[]
  /** As `--add-scram` of Kafka's StorageTool has them: "SCRAM-SHA-512=[name=flow,password=flow]". */
  readonly users: readonly string[]
}

/** A Kafka cluster in which every node is broker and controller. Disposing of it stops all brokers. */
export type LocalKafka = Awaited<ReturnType<typeof startKafka>>

/**
 * Starts an Apache Kafka in KRaft mode and resolves when all its brokers are ready. Three brokers keep three replicas of
 * every topic, two of them in sync, so that any one broker can be away.
 * @throws {UserError} when Java or Maven is missing, a port is taken or the disk is full
 */
export async function startKafka(options: KafkaOptions) {
  const { port, dataDir, brokers: count = 1, security, proxyPorts } = options
  const ports = Array.from({ length: count }, (_, index) => port + index)
  for (const each of ports) await requireFreePort(each, 'Kafka')
  await requireJava()
  const jars = await kafkaJars(options)
  const controllers: string[] = []
  for (const _ of ports) controllers.push(`127.0.0.1:${await freePort()}`)
  const voters = controllers.map((controller, index) => `${index + 1}@${controller}`).join(',')
  const own = [replication(count), `controller.quorum.voters=${voters}`, ...(security?.properties ?? [])]
  const shared = `${await readFile(PROPERTIES, 'utf8')}\n${own.join('\n')}\n`
  const failure = new AbortController()
  const signal = AbortSignal.any([failure.signal, ...(options.signal ? [options.signal] : [])])
  const starting = ports.map((each, index) => {
    const id = index + 1
    const name = count === 1 ? 'Kafka' : `Kafka broker ${id}`
    // The data of a node fits only a cluster of the same size.
    const directory = count === 1 ? dataDir : join(dataDir, `${id}-of-${count}`)
    const plaintext = [`PLAINTEXT://127.0.0.1:${each}`, `CONTROLLER://${controllers[index]}`]
    const proxied = proxyPorts === undefined ? [] : [`PROXIED://127.0.0.1:${each + count}`]
    const listeners = [...plaintext, ...proxied, ...(security?.listeners ?? [])].join(',')
    const lines = [`node.id=${id}`, `listeners=${listeners}`, ...advertised(each, proxyPorts?.[index])]
    const properties = `${shared}${lines.join('\n')}\n`
    return startBroker({ name, port: each, dataDir: directory, signal, jars, properties, users: security?.users ?? [] })
  })
  for (const broker of starting) broker.catch((error: unknown) => failure.abort(error))
  const started = await Promise.allSettled(starting)
  const brokers = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const stop = async () => void (await Promise.all(brokers.map((broker) => broker.stop())))
  if (brokers.length < count) {
    await stop()
    throw failure.signal.reason
  }
  return {
    /** The addresses of all brokers: "127.0.0.1:19092,127.0.0.1:19093". */
    bootstrap: ports.map((each) => `127.0.0.1:${each}`).join(','),
    /** Each is a process that can be killed, frozen, stopped and started again on its own. */
    brokers,
    [Symbol.asyncDispose]: stop,
  }
}

function advertised(port: number, proxyPort: number | undefined): string[] {
  if (proxyPort === undefined) return []
  return [
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT',
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxyPort}`,
  ]
}

interface BrokerOptions extends ServerOptions {
  readonly name: string
  readonly jars: string
  /** The text of server.properties. */
  readonly properties: string
  readonly users: readonly string[]
}

/** Starts one broker and resolves when it is ready, which needs a majority of the controllers and brokers for all replicas. */
async function startBroker({ name, jars, properties, users, ...options }: BrokerOptions): Promise<LocalServer> {
  const run = (mainClass: string, ...args: string[]) => {
    // Less compiling halves the processor time of a short run on two cores, and saves 35 MB.
    const small = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']
    return java([...small, '-Dlog4j2.level=WARN', '-cp', join(jars, '*'), mainClass, ...args])
  }
  return await startServer(name, options, async (cwd) => {
    await writeFile(join(cwd, 'server.properties'), properties)
    // Formatting writes this file last.
    if (!existsSync(join(cwd, 'log', 'meta.properties'))) {
      const logins = users.flatMap((user) => ['--add-scram', user])
      const format = run('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', 'server.properties', ...logins)
      await runToEnd({ name, ...format, cwd, signal: options.signal })
    }
    // A broker that was killed is refused until its session has expired, and three start at once on a small machine.
    const ready = { isReady: () => coordinatesGroups(options.port), readyTimeoutMs: 180_000 }
    return { ...run('kafka.Kafka', 'server.properties'), ...ready }
  })
}

/** Properties for as many replicas as the brokers can keep, three at most. */
function replication(brokers: number): string {
  const replicas = Math.min(brokers, 3)
  const inSync = Math.max(1, replicas - 1)
  const stateTopics = ['transaction.state.log', 'share.coordinator.state.topic']
  return [
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${inSync}`,
    ...['offsets.topic', ...stateTopics].map((topic) => `${topic}.replication.factor=${replicas}`),
    ...stateTopics.map((topic) => `${topic}.min.isr=${inSync}`),
    // Kafka's own value where another broker takes over: what is measured here is then as on a real cluster.
    ...(brokers === 1 ? [] : ['broker.session.timeout.ms=9000', 'broker.heartbeat.interval.ms=2000']),
  ].join('\n')
}

/**
 * A FindCoordinator request for the group "a". Its answer needs all that clients need: a live broker, its controller, and
 * the topic __consumer_offsets, which the first request creates. The bytes: length, API key 10, version 0, correlation id,
 * no client id, "a".
 */
const FIND_COORDINATOR = Buffer.from('0000000d000a000000000001ffff000161', 'hex')
/** The error code comes after length and correlation id, and is 0 for success. */
const ERROR_CODE_AT = 8

/** Whether the broker on this port of 127.0.0.1 serves consumer groups, the last thing that it becomes ready for. */
async function coordinatesGroups(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  try {
    socket.write(FIND_COORDINATOR)
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(1000) })) as [Buffer]
    return answer.readInt16BE(ERROR_CODE_AT) === 0
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
