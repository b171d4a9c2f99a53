import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brokerAnswers } from './broker-answers.ts'
import { type Child, startChild } from './child-process.ts'
import { requireDiskSpace } from './disk-space.ts'
import { freePort, requireFreePort } from './free-port.ts'
import { java, requireJava } from './java.ts'
import { type JarsOptions, kafkaJars } from './kafka-jars.ts'
import { kafkaSettings } from './kafka-settings.ts'
import { type LocalServer, type ServerOptions, localServer } from './local-server.ts'
import { runToEnd } from './run-to-end.ts'
import { untilReady } from './until-ready.ts'

/** 16 bytes in base64url, as Kafka wants it. Every local cluster has it: none ever meets another. */
const CLUSTER_ID = 'ThroughlineLocalKafkaA'

export interface KafkaOptions extends ServerOptions, JarsOptions {
  /** The largest heap of the Java process, in mebibytes; 256 when left out. */
  readonly heapMib?: number | undefined
}

export interface LocalKafka extends LocalServer {
  /** Where clients begin: "127.0.0.1:19092". */
  readonly bootstrap: string
}

/**
 * Starts an Apache Kafka of one node, in KRaft mode, and settles when it answers.
 * @throws {UserError} when Java or Maven is missing, the port is taken or the disk is full
 */
export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const { port, dataDir } = options
  await requireFreePort(port, 'Kafka', options.changePortWith)
  await requireJava(options.env)
  const jars = await kafkaJars(options)
  await mkdir(dataDir, { recursive: true })
  await requireDiskSpace(dataDir)
  const server = await localServer({
    port,
    launch: () => launch(options, jars),
    kill: (child, signal) => child.kill(signal),
    stop: (child) => child.stop(),
  })
  return Object.assign(server, { bootstrap: `127.0.0.1:${port}` })
}

async function launch(options: KafkaOptions, jars: string): Promise<Child> {
  const { port, dataDir, env, heapMib = 256, signal } = options
  const settings = 'server.properties'
  await writeFile(join(dataDir, settings), kafkaSettings({ port, controllerPort: await freePort() }))
  const run = (mainClass: string, ...args: string[]) => {
    const logging = '-Dlog4j2.level=WARN'
    // Compiling less halves the processor time of a short life on two cores, and saves 35 MB.
    const small = [`-Xmx${heapMib}m`, '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']
    const command = java([...small, logging, '-cp', join(jars, '*'), mainClass, ...args])
    return { name: 'Kafka', ...command, cwd: dataDir, env }
  }
  // Formatting writes this file last.
  if (!existsSync(join(dataDir, 'log', 'meta.properties'))) {
    const format = run('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', settings)
    await runToEnd({ ...format, signal })
  }
  const child = await startChild(run('kafka.Kafka', settings))
  await untilReady(child, { isReady: () => brokerAnswers(port), timeoutMs: 60_000, signal })
  return child
}
