import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { CliCommand, exitCode, positiveWhole, report } from '../cli/options.ts'
import { print } from '../cli/render/terminal.ts'
import { childEnvironment, readConfig } from '../pipeline/config.ts'
import { unlessAborted } from '../telemetry/wait-until.ts'
import { obeyDatabaseAway } from './database-away.ts'
import { showPipeline } from './demo-messages.ts'
import { DemoFailure, abortOnExit, demoProcesses, openLog } from './demo-processes.ts'
import { startServers } from './demo-servers.ts'
import { freePort, temporaryDirectory } from './host-resources.ts'

interface DemoOptions {
  /** How many messages to send and wait for; undefined for no end. */
  readonly messages?: number
  readonly keep?: true
  readonly kafkaPort: number
  readonly brokers: number
  /** Whether Prometheus, Tempo and Grafana are started where they are installed. */
  readonly watchers: boolean
}

const command = new CliCommand('npm run demo --')
  .description(
    'Starts Kafka, Postgres, the stages and the generator on this machine, without Docker, and shows what they ' +
      'do until Ctrl-C. Kafka needs Java 17 and, the first time, Maven, which fetches it into .cache.',
  )
  .option('-n, --messages <n>', 'send this many at once, end when all are through', positiveWhole)
  .option('-k, --keep', 'keep the data in .data, and go on with what is there; otherwise it is thrown away')
  .option('--no-watchers', 'start neither Prometheus nor Tempo nor Grafana, where they are installed')
  .option('--kafka-port <port>', 'where Kafka listens', port, 19_092)
  .option('--brokers <n>', 'how many brokers Kafka has, on this port and those after it, 300 MB each', positiveWhole, 1)
  .addHelpText(
    'after',
    `
Environment (.env.example has more, also of the generator):
  DB_PORT            where Postgres listens (default: 15432)
  KAFKA_HOME         an unpacked Kafka 4 to run, instead of what Maven fetches
  BOOTSTRAP_SERVERS  when set: the Kafka that is there is used, none is started
  PROMETHEUS_BIN, TEMPO_BIN, GRAFANA_BIN
                     started with the rest; otherwise those on the PATH, if any
  DB_HOST            when set: the Postgres that is there is used, none is started

Exit codes:
  0  all messages finished or are dead letters; without --messages: Ctrl-C,
     which npm itself reports as 130
  1  a message is missing, a process ended by itself, or --messages was interrupted
  2  a mistake to correct: Java is missing, a port is taken, ...`,
  )
  .examples({
    'Everything, until Ctrl-C': 'npm run demo',
    '200 messages, a summary, the path of one of them': 'npm run demo -- --messages 200',
    'Fifty messages a second': 'RATE=50 npm run demo',
    'On other ports': 'DB_PORT=25432 npm run demo -- --kafka-port 29092',
    'With a Kafka that runs already': 'BOOTSTRAP_SERVERS=localhost:9092 npm run demo',
  })

/** @throws {InvalidArgumentError} */
function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > 65_535) throw new InvalidArgumentError('Expected a port, 1 to 65535.')
  return value
}

const interruption = new Error('Interrupted')
const LATEST_END_MS = 9500

/** Runs the demo until it is done or interrupted. Returns the exit code. */
async function demo(options: DemoOptions): Promise<number> {
  const ending = new AbortController()
  const interrupt = () => {
    if (ending.signal.aborted) return
    ending.abort(interruption)
    // The watchdogs end all children with this process, whatever they hang on.
    setTimeout(() => process.exit(exitCode.failure), LATEST_END_MS).unref()
  }
  // The handlers stay, because Ctrl-C arrives twice: from the terminal, and passed on by npm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  process.stdout.on('error', interrupt)
  try {
    await run(options, ending)
    return exitCode.ok
  } catch (error) {
    if (error === interruption) return options.messages === undefined ? exitCode.ok : exitCode.failure
    if (!(error instanceof DemoFailure)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return exitCode.failure
  }
}

/**
 * The demo from start to end: everything that it starts has stopped when the promise settles.
 * @param ending ends the demo when it is aborted, with its reason; aborted at the end in any case
 * @throws {UserError} when something is missing that the user can provide
 * @throws {DemoFailure} when a message does not come through, or a process ends
 */
async function run({ messages, keep, ...options }: DemoOptions, ending: AbortController): Promise<void> {
  const { signal } = ending
  await using data = keep ? await keptDirectory() : await temporaryDirectory()
  const dataDir = data.path
  await using log = openLog(join(dataDir, 'demo.log'))
  print(`The demo ${keep ? 'keeps its data in .data' : 'throws its data away at the end; --keep keeps it'}.`)
  const monitorPort = await freePort()
  await using servers = await startServers({ ...options, config: readConfig(), monitorPort, dataDir, say: print, signal })
  const { env } = servers
  await using processes = demoProcesses({ env, dataDir, monitorPort, onLine: log.add, ending })
  const config = readConfig(childEnvironment(env))
  for (const server of servers.processes) {
    // The scenario database-away may end Postgres.
    if (server.name !== 'Postgres') void abortOnExit(server, ending)
    else void obeyDatabaseAway({ config, postgres: server, countNotReady: processes.countNotReady, say: log.warn, ending })
  }
  try {
    await unlessAborted(showPipeline({ config, processes, log, signal }, messages), signal)
  } catch (error) {
    if (!(error instanceof DemoFailure)) throw error
    const saved = keep ? log.path : `${dataDir}.log`
    await rename(log.path, saved)
    throw new DemoFailure(`${error.message}\nThe log of all processes: ${saved}`, { cause: error })
  } finally {
    // From here on, processes may end.
    ending.abort(new Error('The demo is over'))
    print(`\nStopping: ${[...processes.names, ...servers.names].join(', ')}`)
  }
}

async function keptDirectory() {
  const path = join(import.meta.dirname, '..', '.data')
  await mkdir(path, { recursive: true })
  return { path, async [Symbol.asyncDispose]() {} }
}

try {
  process.exitCode = await demo(command.parse().opts<DemoOptions>())
} catch (error) {
  process.exitCode = report(error)
}
