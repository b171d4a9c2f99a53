import { readConfig } from '../../pipeline/config.ts'
import { routeOf } from '../../pipeline/route.ts'
import type { Database } from '../../sql/database.ts'
import { headersFromText } from '../../sql/outcome.ts'
import { readDeadLetterPages, readDeadLetters } from '../../sql/read-dead-letters.ts'
import type { DeadLetterRow, DeadLetterSummary } from '../../sql/read-dead-letters.ts'
import { giveUp } from '../../sql/replays.ts'
import { rawJson } from '../../stages/json.ts'
import { formatCount } from '../../stages/refusal.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { type CliCommand, exitCode, messageId, positiveWhole } from '../options.ts'
import { print, printJson, terminalWidth } from '../render/terminal.ts'
import { bytesText, fit, printable, secondTime } from '../render/text.ts'
import { withDatabase } from '../servers.ts'

interface Options {
  readonly limit: number
  readonly stage?: string
  readonly json?: true
  readonly ids?: true
  readonly all?: true
  readonly resolve?: string
  readonly note?: string
}

export function define(command: CliCommand): void {
  command
    .summary('messages that have no answer, and why')
    .description(
      'Lists the latest dead letters that are open: when, at which stage and why they died. With an id it shows one ' +
        'whole, in any state: where it came from, its headers, and its body as text, or in hex when it is not UTF-8.\n\n' +
        'A dead letter is open until `replay` sends it again. It is resolved once a later attempt has passed the stage ' +
        'that refused it. Where that attempt dies too, the new dead letter supersedes it. --resolve gives up those of a ' +
        'message that will not be sent again.',
    )
    .argument('[id]', 'message id: 32 hex digits, with or without dashes', messageId)
    .option('-n, --limit <n>', 'how many to list', positiveWhole, 20)
    .option('-s, --stage <stage>', 'only those of one stage, by its name or position')
    .option('-a, --all', 'also those in replay, resolved, given up or superseded')
    .option('--resolve <id>', 'give up the dead letters of a message', messageId)
    .option('--note <text>', 'with --resolve: why')
    .option('--ids', 'print only the ids, each once, for other commands')
    .option('--json', 'print values; bytes are given as text or hex')
    .examples({
      'The last five that the square root had no answer to': 'npx throughline dead-letters -n 5 --stage square-root',
      'One whole': 'npx throughline dead-letters 019ab2c4d5e67f8091a2b3c4d5e6f708',
      'One that will not be sent again': "npx throughline dead-letters --resolve ID --note 'a test'",
    })
    .action(async (id: string | undefined, options: Options) => {
      const config = readConfig()
      const stage = options.stage === undefined ? undefined : routeOf(config, options.stage).stage.name
      const { resolve, note = '' } = options
      if (resolve !== undefined && id !== undefined) throw new UserError('Give an id either to show or to --resolve.')
      if ((resolve === undefined) !== (note.trim() === ''))
        throw new UserError('--resolve ID and --note TEXT need each other.')
      await withDatabase(config, async (database) => {
        if (resolve !== undefined) await resolveLetters(database, resolve, note.trim())
        else if (id === undefined) await list(database, options, stage)
        else await show(database, id, options.json === true)
      })
    })
}

/** Dead letters that a list reads at most to find open ones, unless it is to be longer. */
const MOST_READ = 10_000

async function list(database: Database, { limit, json, ids, all }: Options, stage: string | undefined): Promise<void> {
  const letters: DeadLetterSummary[] = []
  const most = Math.max(MOST_READ, limit)
  let read = 0
  for await (const page of readDeadLetterPages(database, { stage }, 'desc')) {
    for (const { time: _, bytes: __, ...letter } of page) if (all || letter.state === 'open') letters.push(letter)
    read += page.length
    if (letters.length >= limit || read >= most) break
  }
  const isCut = letters.length < limit && read >= most
  letters.splice(limit)
  const where = stage === undefined ? '' : ` at ${stage}`
  if (ids) print([...new Set(letters.map(({ id }) => id))].join('\n'))
  else if (json) printJson(letters)
  else if (letters.length > 0) print(renderSummaries(letters, terminalWidth()))
  else print(all ? `No dead letters${where}.` : `No open dead letters${where}. --all also lists others.`)
  if (isCut) process.stderr.write(`Dead letters older than the latest ${formatCount(read)}${where} were not read.\n`)
}

async function show(database: Database, id: string, asJson: boolean): Promise<void> {
  const letters = await readDeadLetters(database, id)
  if (asJson) printJson(letters.map(deadLetterJson))
  else if (letters.length > 0) print(letters.map(renderDeadLetter).join('\n\n'))
  if (letters.length === 0) complain(noLetterOf(id))
}

const noLetterOf = (id: string) => `Message ${id} is no dead letter; \`npx throughline follow ${id}\` shows what it is.`

function complain(sentence: string): void {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = exitCode.failure
}

async function resolveLetters(database: Database, id: string, note: string): Promise<void> {
  const resolved = await giveUp(database, id, note)
  for (const { attempt, stage } of resolved) print(`${id}  attempt ${attempt}, given up at ${stage}`)
  if (resolved.length > 0) return
  const latest = (await readDeadLetters(database, id)).at(-1)
  const already = latest && `The dead letter of message ${id} at ${latest.stage} is ${latest.state} already.`
  complain(already ?? noLetterOf(id))
}

/** The values that `toJson` writes. Bytes say whether they are text or hex digits. */
export function deadLetterJson(letter: DeadLetterRow): unknown {
  const { offset, headers, body } = letter
  return {
    ...letter,
    offset: rawJson(offset),
    headers: Object.fromEntries(headerList(headers).map(([name, values]) => [name, values.map(bytesText)])),
    body: body === null ? null : bytesText(body),
  }
}

/** A header may have several values. */
function headerList(headers: string | null): [name: string, values: Buffer[]][] {
  return Object.entries(headersFromText(headers)).map(([name, value]) => [name, [value].flat()])
}

/** Two lines each: id, time, stage, and the state of one that is not open; then the reason. */
export function renderSummaries(letters: readonly DeadLetterSummary[], width: number): string {
  const lines = letters.flatMap(({ id, diedAt, stage, reason, explanation, state }) => [
    `${id}  ${secondTime(diedAt)}  ${stage}${state === 'open' ? '' : `  ${state}`}`,
    `    ${fit(`${reason}: ${explanation}`, width - 4)}`,
  ])
  return lines.join('\n')
}

/** One dead letter with its reason, origin, headers and body. */
export function renderDeadLetter(letter: DeadLetterRow): string {
  const { id, attempt, traceId, diedAt, stage, reason, explanation, topic, partition, offset, state, note } = letter
  const headers = headerList(letter.headers).flatMap(([name, values]) =>
    values.map((value) => `header   ${name}: ${textOr('0x', value)}`),
  )
  const lines = [
    `message  ${id}`,
    `attempt  ${attempt}`,
    `state    ${note === null ? state : `${state}: ${note}`}`,
    `trace    ${traceId}`,
    `died     ${secondTime(diedAt)} at ${stage}`,
    `reason   ${reason}`,
    `why      ${explanation}`,
    `from     topic ${topic}, partition ${partition}, offset ${offset}`,
    ...headers,
    '',
    bodyText(letter.body),
  ]
  return printable(lines.join('\n'))
}

function bodyText(body: Buffer | null): string {
  if (body === null) return 'The record had no body.'
  return body.length === 0 ? 'The body was empty.' : textOr('The body is not UTF-8; in hex:\n', body)
}

/** Bytes as text, or as hex digits behind a prefix when they are not UTF-8. */
function textOr(hexPrefix: string, bytes: Buffer): string {
  const { encoding, text } = bytesText(bytes)
  return encoding === 'utf8' ? text : hexPrefix + text
}
