import { Command, InvalidArgumentError } from 'commander'
import { exitCode } from '../cli/exit-code.ts'
import { positiveWhole } from '../cli/option-parsers.ts'
import { report } from '../cli/program.ts'
import { examples } from '../cli/examples.ts'
import { parts } from './parts.ts'
import { progressOn } from './progress.ts'
import { runBench, type BenchOptions } from './run-bench.ts'
import { full, quick, type Sizes } from './sizes.ts'

interface Options {
  readonly quick?: true
  readonly messages?: number
  readonly rounds?: number
  readonly seconds?: number
  readonly rows?: readonly number[]
  readonly only?: readonly string[]
  readonly profile?: true
}

const names = parts.map(({ name }) => name)
const LATEST_END_MS = 9500

function createCommand(): Command {
  return new Command('npm run bench --')
    .description(
      'Measures the pipeline on a Kafka and a Postgres of its own, all stages as processes. All parts in full size ' +
        'take about half an hour on two cores and write bench/RESULTS.md and bench/results.json; anything less goes to .cache/bench.',
    )
    .argument('[parts...]', `some of: ${names.join(', ')} (default: all)`, part)
    .option('--quick', 'small sizes, one round: shows that everything works')
    .option('-n, --messages <n>', `in a drain (default: ${full.messages})`, positiveWhole)
    .option('-r, --rounds <n>', `how often each case is measured (default: ${full.rounds})`, positiveWhole)
    .option(
      '-s, --seconds <n>',
      `of each pace and of rest in a round (default: ${full.paceSeconds})`,
      positiveWhole,
    )
    .option('--rows <n...>', `of results, for growth (default: ${full.rows.join(' ')})`, rows)
    .option('--only <case...>', 'only these cases of the parts, by their names in the table')
    .option('--profile', 'stages that drain leave profiles of their processor time in .cache/bench/profiles')
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText(
      'after',
      `\nIt needs Linux, 2 GB of memory and, for growth, 20 GB of disk. TEMPO_BIN names a Tempo that is not on the PATH.\n${examples(
        ['Everything', 'npm run bench'],
        ['Does it work here?', 'npm run bench -- --quick'],
        ['One case, a small one', 'npm run bench -- drain --only untraced --messages 20000 --rounds 1'],
      )}`,
    )
}

/** @throws {InvalidArgumentError} */
function part(name: string, before: readonly string[] = []): string[] {
  if (!names.includes(name)) throw new InvalidArgumentError(`The parts are ${names.join(', ')}.`)
  return [...before, name]
}

function rows(text: string, before?: readonly number[]): number[] {
  return [...(before ?? []), positiveWhole(text)]
}

function optionsOf(chosen: readonly string[], options: Options, typed: readonly string[]): BenchOptions {
  const { messages, rounds, seconds, only } = options
  const sizes: Sizes = {
    ...(options.quick ? quick : full),
    ...defined({ messages, rounds, rows: options.rows }),
  }
  return {
    parts: parts.filter(({ name }) => chosen.length === 0 || chosen.includes(name)),
    sizes: seconds === undefined ? sizes : { ...sizes, paceSeconds: seconds, idleSeconds: seconds },
    only,
    isProfiled: options.profile === true,
    isComplete: typed.length === 0,
    command: ['npm run bench', ...(typed.length > 0 ? ['--'] : []), ...typed].join(' '),
  }
}

function defined<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

async function bench(): Promise<number> {
  const typed = process.argv.slice(2)
  const command = createCommand().parse()
  const options = optionsOf(command.args, command.opts<Options>(), typed)
  const ending = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      ending.abort(new Error('Interrupted'))
      // Ending our own process ends all others, whatever they hang on.
      setTimeout(() => process.exit(exitCode.bad), LATEST_END_MS).unref()
    })
  }
  const isFine = await runBench(options, progressOn(process.stdout), ending.signal)
  return isFine ? exitCode.fine : exitCode.bad
}

try {
  process.exitCode = await bench()
} catch (error) {
  process.exitCode = report(error, (text) => process.stderr.write(text))
}
