import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { readConfig } from '../pipeline/config.ts'
import { examples } from './examples.ts'
import { exitCode } from './exit-code.ts'
import { look, print, printJson } from './output.ts'
import { isStopped, readStatus, type Status, type StatusSources } from './read-status.ts'
import { redrawing } from './redrawing.ts'
import { renderStatus } from './render-status.ts'
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
        'and how many wait in front of it, and how long messages waited and were worked on in the last minute. ' +
        'Exits with 1 when messages wait at a stage that nobody runs.',
    )
    .option('--json', 'print values: durations in milliseconds, null for what is not known')
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
        withKafka(config, async (admin) => {
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
  process.exitCode = status.stages.some(isStopped) ? exitCode.bad : exitCode.fine
}

async function watchStatus(sources: StatusSources, asJson: boolean, signal: AbortSignal): Promise<void> {
  const draw = redrawing(process.stdout)
  while (!signal.aborted) {
    const status = await readStatus(sources)
    if (asJson) print(JSON.stringify(status))
    else draw(renderStatus(status, look()))
    await pause(1000, undefined, { signal }).catch(() => {})
  }
}
