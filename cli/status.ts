import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { databaseMistake } from './database-mistake.ts'
import { examples } from './examples.ts'
import { exitCode } from './exit-code.ts'
import { kafkaMistake } from './kafka-mistake.ts'
import { look, print, printJson } from './output.ts'
import { isUnwell, readStatus, type Status, type StatusSources } from '../sql/read-status.ts'
import { redrawing } from './render/redrawing.ts'
import { renderStatus } from './render/render-status.ts'
import { untilInterrupted } from './until-interrupted.ts'
import { withDatabase } from './with-database.ts'
import { withKafka } from './with-kafka.ts'

interface Options {
  readonly json?: true
  readonly watch?: true
}

export function addStatus(program: Command): void {
  program
    .command('status')
    .summary('where the pipeline stands')
    .description(
      'Shows for each stage how many processes run it, how many messages it has done, how many are dead there ' +
        'and how many wait in front of it, and how long messages waited and were worked on in the last minute. Below are ' +
        'the sums, and of each stage that is not OK what is wrong and which message has waited longest. ' +
        'The tracer is shown, too, where traces are exported. ' +
        'Exits with 1 when a stage or the tracer is stopped, stalled or falling behind. The last two only a monitor can tell, which has ' +
        'seen more than this moment: without one, a stage in front of which messages wait while processes run it is UNKNOWN, ' +
        'and that exits with 0.',
    )
    .option(
      '--json',
      'print values: what ends in Ms in milliseconds, oldest and drain in seconds, null for what is not known',
    )
    .option('-w, --watch', 'show it again every second until Ctrl-C')
    .addHelpText(
      'after',
      examples(
        ['A table that stays up to date', 'npx throughline status --watch'],
        ['How many messages wait in all', "npx throughline status --json | jq '[.stages[].waiting] | add'"],
      ),
    )
    .action(async ({ json, watch }: Options) => {
      const config = readConfig()
      await withDatabase(config, (database) =>
        withKafka(config, async ({ admin }) => {
          const sources = { config, database, admin }
          if (watch) await untilInterrupted((signal) => watchStatus(sources, json === true, signal))
          else showOnce(await readStatus(sources), json === true)
        }),
      )
    })
}

function showOnce(status: Status, asJson: boolean): void {
  if (asJson) printJson(status)
  else print(renderStatus(status, look()))
  process.exitCode = isUnwell(status) ? exitCode.bad : exitCode.fine
}

/** A server that goes away meanwhile is said and waited for: whoever watches wants to see it come back. */
async function watchStatus(sources: StatusSources, asJson: boolean, signal: AbortSignal): Promise<void> {
  const redraw = redrawing(process.stdout)
  let text = ''
  const show = (status: Status) => {
    text = renderStatus(status, look())
    if (asJson) print(JSON.stringify(status))
    else redraw(text)
  }
  const complain = (error: unknown) => {
    const mistake = kafkaMistake(error, sources.config) ?? databaseMistake(error, sources.config)
    if (mistake === undefined) throw error
    if (asJson) process.stderr.write(`${mistake.message}\n`)
    else redraw(`${text}\n${mistake.message}`)
  }
  show(await readStatus(sources))
  while (!signal.aborted) {
    await pause(1000, undefined, { signal }).catch(() => {})
    if (!signal.aborted) await readStatus(sources).then(show, complain)
  }
}
