import { readConfig } from '../../pipeline/config.ts'
import { routeOf } from '../../pipeline/route.ts'
import type { Database } from '../../sql/database.ts'
import { readDeadLetters, readLatestDeadLetters } from '../../sql/read-dead-letters.ts'
import { type CliCommand, exitCode, messageId, positiveWhole } from '../options.ts'
import { deadLetterJson, renderDeadLetter, renderSummaries } from '../render/render-dead-letters.ts'
import { print, printJson, terminalWidth } from '../render/terminal.ts'
import { withDatabase } from '../servers.ts'

interface Options {
  readonly limit: number
  readonly stage?: string
  readonly json?: true
  readonly ids?: true
}

export function define(command: CliCommand): void {
  command
    .summary('messages that have no answer, and why')
    .description(
      'Lists the latest dead letters: when, at which stage and why they died. With an id it shows one whole: ' +
        'where it came from, its headers, and its body as text, or in hex when it is not UTF-8.',
    )
    .argument('[id]', 'message id: 32 hex digits, with or without dashes', messageId)
    .option('-n, --limit <n>', 'how many to list', positiveWhole, 20)
    .option('-s, --stage <stage>', 'only those of one stage, by its name or position')
    .option('--ids', 'print only the ids, each once, for other commands')
    .option('--json', 'print values; bytes are given as text or hex')
    .examples({
      'The last five that the square root had no answer to': 'npx throughline dead-letters -n 5 --stage square-root',
      'One whole': 'npx throughline dead-letters 019ab2c4d5e67f8091a2b3c4d5e6f708',
    })
    .action(async (id: string | undefined, options: Options) => {
      const config = readConfig()
      const stage = options.stage === undefined ? undefined : routeOf(config, options.stage).stage.name
      await withDatabase(config, async (database) => {
        if (id === undefined) await list(database, options, stage)
        else await show(database, id, options.json === true)
      })
    })
}

async function list(database: Database, { limit, json, ids }: Options, stage: string | undefined): Promise<void> {
  const letters = await readLatestDeadLetters(database, { limit, stage })
  if (ids) print([...new Set(letters.map(({ id }) => id))].join('\n'))
  else if (json) printJson(letters)
  else if (letters.length > 0) print(renderSummaries(letters, terminalWidth()))
  else print(`No dead letters${stage === undefined ? '' : ` at ${stage}`}.`)
}

async function show(database: Database, id: string, asJson: boolean): Promise<void> {
  const letters = await readDeadLetters(database, id)
  if (asJson) printJson(letters.map(deadLetterJson))
  else if (letters.length > 0) print(letters.map(renderDeadLetter).join('\n\n'))
  if (letters.length > 0) return
  process.stderr.write(`Message ${id} is no dead letter; \`npx throughline follow ${id}\` shows what it is.\n`)
  process.exitCode = exitCode.failure
}
