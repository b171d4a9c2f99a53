import { createWriteStream } from 'node:fs'
import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { runChaos } from './run.ts'
import { chaosTable } from './table.ts'

const amount = (text: string) => {
  const value = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : 0
  if (value <= 0) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}
const whole = (text: string) => {
  const value = amount(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('Expected a whole number, 1 or more.')
  return value
}

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly replicas: number
  readonly rate: number
  readonly log?: string
}

const program = new Command('npm run chaos --')
  .description(
    'Runs the whole pipeline on a Kafka and a Postgres of its own while stages, generator and servers are killed by ' +
      '-9, frozen for longer than the session timeout, and restarted, at random moments; then checks that nothing is ' +
      'lost and nothing is there twice. Exit code 0 when every promise was kept, 1 otherwise.',
  )
  .option('-m, --minutes <n>', 'how long the maltreatment lasts', amount, 10)
  .option('-s, --seed <n>', 'decides what happens when, and what is posted', whole, randomInt(1, 1_000_000))
  .option('-r, --replicas <n>', 'of every stage', whole, 2)
  .option(
    '--rate <n>',
    'messages a second from the generator; a fifth as many are posted by hand',
    amount,
    60,
  )
  .option('--log <file>', 'writes down all that the processes say')
  .addHelpText('after', '\nExample:\n  $ npm run chaos -- --minutes 10 --seed 7')
  .action(async ({ log, ...options }: Options) => {
    const say = (line: string) => void process.stdout.write(`${line}\n`)
    const file = log === undefined ? undefined : createWriteStream(log)
    say(`Chaos of ${options.minutes} minutes with seed ${options.seed}.`)
    const report = await runChaos({
      ...options,
      say: (line) => {
        say(line)
        file?.write(`--- ${line}\n`)
      },
      onLine: (line) => file?.write(`${line}\n`),
    })
    say(`\n${chaosTable(report)}`)
    const isFine = report.problems.length === 0
    say(`\n${isFine ? 'Every promise was kept' : 'PROMISES WERE BROKEN'}: seed ${options.seed}.`)
    process.exitCode = isFine ? 0 : 1
  })

await program.parseAsync()
