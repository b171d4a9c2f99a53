import { createWriteStream } from 'node:fs'
import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError, Option } from 'commander'
import { positiveWhole } from '../../cli/options.ts'
import { brokerFaults } from './broker-faults.ts'
import { runChaos } from './run-chaos.ts'
import { chaosTable } from './report-table.ts'

const amount = (text: string) => {
  const value = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : 0
  if (value <= 0) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly replicas: number
  readonly rate: number
  readonly brokers: '1' | '3'
  readonly only?: string[]
  readonly times: number
  readonly log?: string
}

const program = new Command('npm run chaos --')
  .description(
    'Runs the pipeline on its own Kafka and Postgres while processes and servers are killed with SIGKILL, frozen for longer ' +
      'than the session timeout, restarted, cut off, and given a wrong time, at random times; then checks that no message ' +
      'is lost or processed twice, and that the verdicts were right. Exit code 0 when all guarantees held, 1 otherwise.',
  )
  .option('-m, --minutes <n>', 'how long faults are injected', amount, 10)
  .option('-s, --seed <n>', 'determines the faults and the messages', positiveWhole, randomInt(1, 1_000_000))
  .option('-r, --replicas <n>', 'of every stage, the tracer and the monitor', positiveWhole, 2)
  .option('--rate <n>', 'messages a second from the generator; a fifth as many come from a foreign client', amount, 60)
  .addOption(
    new Option('-b, --brokers <n>', 'one, or three that are killed, frozen and restarted').choices(['1', '3']).default('1'),
  )
  .addOption(
    new Option('--only <fault...>', 'of three brokers: only these, one after the other, and no other faults').choices(
      brokerFaults.map(({ name }) => name),
    ),
  )
  .option('--times <n>', 'how often each fault of --only is injected', positiveWhole, 1)
  .option('--log <file>', 'writes the output of all processes to a file')
  .addHelpText(
    'after',
    '\nExamples:\n  $ npm run chaos -- --minutes 10 --seed 7\n  $ npm run chaos -- --brokers 3 --only "leader killed" --times 5',
  )
  .action(async ({ log, ...options }: Options) => {
    const say = (line: string) => void process.stdout.write(`${line}\n`)
    const file = log === undefined ? undefined : createWriteStream(log)
    say(`Injecting faults for ${options.minutes} minutes with seed ${options.seed}.`)
    const report = await runChaos({
      ...options,
      brokers: Number(options.brokers),
      say: (line) => {
        say(line)
        file?.write(`--- ${line}\n`)
      },
      onLine: (line) => file?.write(`${line}\n`),
    })
    say(`\n${chaosTable(report)}`)
    const isPassed = report.problems.length === 0
    say(`\n${isPassed ? 'All guarantees held' : 'GUARANTEES WERE BROKEN'}: seed ${options.seed}.`)
    process.exitCode = isPassed ? 0 : 1
  })

await program.parseAsync()
