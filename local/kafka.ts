import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { runToEnd } from './child-process.ts'
import { freePort, requireDiskSpace, requireFreePort } from './host-resources.ts'
import { type JarsOptions, java, kafkaJars, requireJava } from './kafka-install.ts'
import { type LocalServer, type ServerOptions, startServer } from './local-server.ts'

/** 16 bytes in base64url. All local clusters share it: none of them ever connects to another. */
const CLUSTER_ID = 'ThroughlineLocalKafkaA'
const PROPERTIES = join(import.meta.dirname, 'broker.properties')

export interface LocalKafka extends LocalServer {
  /** The bootstrap server: "127.0.0.1:19092". */
  readonly bootstrap: string
}

/**
 * Starts an Apache Kafka of one node, in KRaft mode, and resolves when it is ready.
 * @throws {UserError} when Java or Maven is missing, the port is taken or the disk is full
 */
export async function startKafka(options: ServerOptions & JarsOptions): Promise<LocalKafka> {
  const { port, dataDir, env, signal } = options
  await requireFreePort(port, 'Kafka', options.changePortWith)
  await requireJava(env)
  const jars = await kafkaJars(options)
  await requireDiskSpace(dataDir)
  const run = (mainClass: string, ...args: string[]) => {
    // Less compiling halves the processor time of a short run on two cores, and saves 35 MB.
    const small = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']
    const command = java([...small, '-Dlog4j2.level=WARN', '-cp', join(jars, '*'), mainClass, ...args])
    return { name: 'Kafka', ...command, cwd: dataDir, env }
  }
  const command = async () => {
    await writeFile(join(dataDir, 'server.properties'), await properties(port))
    // Formatting writes this file last.
    if (!existsSync(join(dataDir, 'log', 'meta.properties'))) {
      const format = run('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', 'server.properties')
      await runToEnd({ ...format, signal })
    }
    return run('kafka.Kafka', 'server.properties')
  }
  const server = await startServer(options, { command, isReady: () => coordinatesGroups(port) })
  return Object.assign(server, { bootstrap: `127.0.0.1:${port}` })
}

async function properties(port: number): Promise<string> {
  const controller = `127.0.0.1:${await freePort()}`
  return `${await readFile(PROPERTIES, 'utf8')}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://${controller}
controller.quorum.voters=1@${controller}
`
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
function coordinatesGroups(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1000 })
    const settle = (ready: boolean) => {
      socket.destroy()
      resolve(ready)
    }
    socket.on('connect', () => socket.write(FIND_COORDINATOR))
    socket.on('data', (answer) => settle(answer.readInt16BE(ERROR_CODE_AT) === 0))
    for (const event of ['timeout', 'error', 'end']) socket.on(event, () => settle(false))
  })
}
