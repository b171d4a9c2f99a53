import { randomInt } from 'node:crypto'
import { Command } from 'commander'
import { positiveWhole } from '../../cli/options.ts'
import { fuzzTable } from './report-table.ts'
import { runFuzz } from './run-fuzz.ts'

const LONGEST_STALL_MS = 10_000

const program = new Command('npm run fuzz --')
  .description(
    'Sends hostile and good records to the six stages on their own Kafka and Postgres, and compares every row with what an ' +
      'oracle in Python expects. Exit code 0 when all are as expected and no partition stood still for 10 s, 1 otherwise. ' +
      'Ctrl-C ends the run after the round under way.',
  )
  .option('-n, --messages <n>', 'how many records', positiveWhole, 100_000)
  .option('-s, --seed <n>', 'determines the records', positiveWhole, randomInt(1, 1_000_000))
  .addHelpText('after', '\nExample:\n  $ npm run fuzz -- --messages 1000000 --seed 7')
  .action(async (options: { readonly messages: number; readonly seed: number }) => {
    const say = (line: string) => void process.stdout.write(`${line}\n`)
    const stopping = new AbortController()
    process.once('SIGINT', () => {
      say('Stopping after this round.')
      stopping.abort()
    })
    const report = await runFuzz({ ...options, stopping: stopping.signal, say })
    const isPassed = report.problems.length === 0 && report.stall.ms < LONGEST_STALL_MS
    say(`\n${fuzzTable(report)}\n\n${isPassed ? 'All as expected' : 'NOT AS EXPECTED'}: seed ${options.seed}.`)
    process.exitCode = isPassed ? 0 : 1
  })

await program.parseAsync()
