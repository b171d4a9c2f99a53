import { Command, InvalidArgumentError } from 'commander'
import { examples, exitCode, positiveWhole, report } from '../cli/options.ts'
import { DemoFailure } from './demo-processes.ts'
import { type DemoOptions, runDemo } from './demo-run.ts'

const LATEST_END_MS = 9500

const say = (line: string) => void process.stdout.write(`${line}\n`)

function createCommand(): Command {
  return new Command('npm run demo --')
    .description(
      'Starts Kafka, Postgres, the stages and the generator on this machine, without Docker, and shows what they ' +
        'do until Ctrl-C. Kafka needs Java 17 and, the first time, Maven, which fetches it into .cache.',
    )
    .option('-n, --messages <n>', 'send this many at once, end when all are through', positiveWhole)
    .option('-k, --keep', 'keep the data in .data, and go on with what is there; otherwise it is thrown away')
    .option('--no-watchers', 'start neither Prometheus nor Tempo nor Grafana, where they are installed')
    .option('--kafka-port <port>', 'where Kafka listens', port, 19_092)
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', helpText)
}

const helpText = `
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
  2  a mistake to correct: Java is missing, a port is taken, ...
${examples(
  ['Everything, until Ctrl-C', 'npm run demo'],
  ['200 messages, a summary, the path of one of them', 'npm run demo -- --messages 200'],
  ['Fifty messages a second', 'RATE=50 npm run demo'],
  ['On other ports', 'DB_PORT=25432 npm run demo -- --kafka-port 29092'],
  ['With a Kafka that runs already', 'BOOTSTRAP_SERVERS=localhost:9092 npm run demo'],
)}`

/** @throws {InvalidArgumentError} */
function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > 65_535) throw new InvalidArgumentError('Expected a port, 1 to 65535.')
  return value
}

const interruption = new Error('Interrupted')

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
    await runDemo(options, say, ending)
    return exitCode.ok
  } catch (error) {
    if (error === interruption) return options.messages === undefined ? exitCode.ok : exitCode.failure
    if (!(error instanceof DemoFailure)) throw error
    process.stderr.write(`\n${error.message}\n`)
    return exitCode.failure
  }
}

try {
  process.exitCode = await demo(createCommand().parse().opts<DemoOptions>())
} catch (error) {
  process.exitCode = report(error, (text) => process.stderr.write(text))
}
