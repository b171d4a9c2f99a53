import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Argument } from 'commander'
import { CliCommand, exitCode, positiveWhole, report } from '../cli/options.ts'
import { ceilings } from './ceilings.ts'
import { drain } from './drain.ts'
import { growth } from './growth.ts'
import { currentCommit, describeMachine, requireProc } from './machine.ts'
import { pace } from './pace.ts'
import { sectionOf, withSection, type SuiteResult } from './results-page.ts'
import { soak } from './soak.ts'
import { problemOf, type BenchContext, type Measured, type Sizes, type Suite } from './suite.ts'

interface Options extends Partial<Sizes> {
  readonly quick?: true
  readonly only?: readonly string[]
}

/** In the order in which they are run. */
const suites: readonly Suite[] = [ceilings, drain, pace, growth, soak]
const names = suites.map(({ name }) => name)

const full: Sizes = { messages: 100_000, rounds: 3, seconds: 15, rows: [1e5, 1e6, 1e7], minutes: 60 }
const quickSizes: Sizes = { messages: 5000, rounds: 1, seconds: 5, rows: [1e4, 1e5], minutes: 1 }

const root = join(import.meta.dirname, '..')
/** Where everything goes that is not for RESULTS.md in the repository. */
const drafts = join(root, '.cache', 'bench')
const MOST_STOP_MS = 9500

function createCommand(): CliCommand {
  return new CliCommand('npm run bench --')
    .description(
      'Measures the pipeline on its own Kafka and Postgres, each stage a process. A suite at full size replaces its section ' +
        'of bench/RESULTS.md; anything less is written to .cache/bench, as is the JSON of every run. Without names all ' +
        'suites but the soak run, about 40 minutes on two cores.',
    )
    .addArgument(new Argument('[suites...]', 'which of them').choices(names))
    .option('--quick', 'small sizes, one round: shows that everything works')
    .option('-n, --messages <n>', `of a drain (default: ${full.messages})`, positiveWhole)
    .option('-r, --rounds <n>', `how often each case is measured (default: ${full.rounds})`, positiveWhole)
    .option('-s, --seconds <n>', `for which a rate is kept (default: ${full.seconds})`, positiveWhole)
    .option('--rows <n...>', `of results, for growth (default: ${full.rows.join(' ')})`, addRows)
    .option('-m, --minutes <n>', `of a soak (default: ${full.minutes})`, positiveWhole)
    .option('--only <case...>', 'only these cases of the suites, by their names in the table')
    .addHelpText(
      'after',
      '\nIt needs Linux, 2 GB of memory and, for growth, 20 GB of disk. TEMPO_BIN names a Tempo that is not on the PATH.',
    )
    .examples({
      Everything: 'npm run bench',
      'Does it work here?': 'npm run bench -- --quick',
      'One case, a small one': 'npm run bench -- drain --only untraced --messages 20000 --rounds 1',
    })
}

const addRows = (text: string, before: readonly number[] = []) => [...before, positiveWhole(text)]

/** Runs suites one after the other and writes each down when it is measured. Returns whether all went well. */
async function runSuites(chosen: readonly Suite[], options: Options, signal: AbortSignal): Promise<boolean> {
  const { quick, only, ...given } = options
  const sizes: Sizes = { ...(quick ? quickSizes : full), ...given }
  const isFull = isDeepStrictEqual(sizes, full) && only === undefined
  const context: BenchContext = { sizes, signal, wants: (name) => only?.includes(name) ?? true }
  const page = join(isFull ? join(root, 'bench') : drafts, 'RESULTS.md')
  await mkdir(drafts, { recursive: true })
  if (!isFull) await writeFile(page, '')
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  const [commit, machine] = [await currentCommit(), describeMachine()]
  const results: SuiteResult[] = []
  for (const suite of chosen) {
    console.log(`\n${suite.name}: ${suite.about}`)
    const startedAt = new Date().toISOString()
    const load = loadavg()[0] ?? 0
    const measured = await measure(suite, context)
    const result = { suite, measured, startedAt, commit, machine, command, load }
    results.push(result)
    const section = sectionOf(result)
    console.log(`\n${section}`)
    // A suite that failed as a whole does not replace the figures of an earlier run.
    if (measured.cases.length > 0) await writeFile(page, withSection(await readFile(page, 'utf8'), section, names))
    for (const [name, svg] of Object.entries(measured.pictures ?? {})) await writeFile(join(dirname(page), name), svg)
    await writeFile(join(drafts, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
  }
  console.log(`\nWritten: ${relative(root, page)} and ${relative(root, drafts)}/results.json`)
  return results.every(({ measured }) => measured.problems.length === 0)
}

async function measure(suite: Suite, context: BenchContext): Promise<Measured> {
  try {
    return await suite.measure(context)
  } catch (error) {
    context.signal.throwIfAborted()
    return { cases: [], note: '', problems: [problemOf(error)] }
  }
}

async function bench(): Promise<number> {
  const command = createCommand().parse()
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interrupted.abort(new Error('Interrupted'))
      // The end of this process ends all its child processes, even those that hang.
      setTimeout(() => process.exit(exitCode.failure), MOST_STOP_MS).unref()
    })
  }
  requireProc()
  const wanted = command.args.length > 0 ? command.args : names.filter((name) => name !== soak.name)
  const chosen = suites.filter(({ name }) => wanted.includes(name))
  return (await runSuites(chosen, command.opts<Options>(), interrupted.signal)) ? exitCode.ok : exitCode.failure
}

try {
  process.exitCode = await bench()
} catch (error) {
  process.exitCode = report(error)
}
