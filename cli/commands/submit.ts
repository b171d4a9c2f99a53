import { isUtf8 } from 'node:buffer'
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { chunksOf } from '../../kafka/producer.ts'
import { kafkaSettings } from '../../kafka/settings.ts'
import { countPartitions } from '../../kafka/topics.ts'
import { type Config, readConfig } from '../../pipeline/config.ts'
import { newInput } from '../../pipeline/ingress/generator.ts'
import { submit } from '../../pipeline/ingress/outbox.ts'
import { entryOf } from '../../pipeline/route.ts'
import { requireInputs } from '../../sql/inputs.ts'
import { parseBody } from '../../stages/body.ts'
import { formatCount, Refusal } from '../../stages/refusal.ts'
import { UserError } from '../../telemetry/user-error.ts'
import type { CliCommand } from '../options.ts'
import { print } from '../render/terminal.ts'
import { fit } from '../render/text.ts'
import { serverMistake, withServers, type Servers } from '../servers.ts'

export function define(command: CliCommand): void {
  command
    .summary('send your own messages')
    .description(
      'Sends messages into the pipeline: one JSON object, or a file or standard input with one a line. All of ' +
        'it is checked before anything is sent. Prints the id of each message that has entered, one a line, in order.',
    )
    .argument('[json]', 'a JSON object, or - for standard input, which is also read when there is no --file either')
    .option('-f, --file <path>', 'read JSON lines, or one JSON object, from a file')
    .examples({
      'One message, followed to its end': `npx throughline follow $(npx throughline submit '{"numbers":[1.5,2.5]}')`,
      'A file with one JSON object a line': 'npx throughline submit --file numbers.jsonl',
      'The output of another program': `seq 5 | jq -c '{numbers: [., 10]}' | npx throughline submit -`,
    })
    .action(async (json: string | undefined, { file }: { file?: string }) => {
      const config = readConfig()
      const { text, name } = await readInput(json, file)
      const bodies = splitInput(text, name, kafkaSettings(config, 'throughline').maxRecordBytes)
      await withServers(config, (servers) => submitBodies(bodies, config, servers))
    })
}

/** @throws {UserError} when both are given, the file cannot be read, or the input is not text */
async function readInput(json?: string, file?: string): Promise<{ text: string; name: string }> {
  if (json !== undefined && file !== undefined) throw new UserError('Give either JSON or --file, not both.')
  if (json !== undefined && json !== '-') return { text: json, name: 'the argument' }
  if (file === undefined && process.stdin.isTTY) process.stderr.write('JSON, one message a line; Ctrl-D ends it:\n')
  const name = file ?? 'standard input'
  const bytes = await (file === undefined ? buffer(process.stdin) : readFile(file)).catch((cause: Error) => {
    throw new UserError(`Cannot read ${name}: ${cause.message}.`, { cause })
  })
  if (!isUtf8(bytes)) throw new UserError(`Nothing was sent: ${name} is not text in UTF-8.`)
  return { text: bytes.toString(), name }
}

/**
 * The bodies in a text: one a line, or the whole text when it is one document, which may have several lines. Bodies are
 * kept as written, except for the space around them.
 * @param name the text's name in errors
 * @param maxBytes the size of the largest body
 * @throws {UserError} naming the first line that is not a JSON object or is too large
 */
export function splitInput(text: string, name: string, maxBytes: number): string[] {
  const lines = text
    .split('\n')
    .map((line, index) => ({ body: line.trim(), where: `line ${index + 1} of ${name}` }))
    .filter(({ body }) => body !== '')
  if (lines.length === 0) throw new UserError(`Nothing to submit: ${name} is empty.`)
  // When no line is a body, the text was meant to be one document.
  const isDocument = refusalOf(text)?.code !== 'not-json' || lines.every(({ body }) => refusalOf(body) !== undefined)
  const bodies = isDocument ? [{ body: text.trim(), where: name }] : lines
  for (const { body, where } of bodies) {
    const bytes = Buffer.byteLength(body)
    const tooLarge = `It has ${bytes} bytes; a message may have ${maxBytes}.`
    const complaint = refusalOf(body)?.message ?? (bytes > maxBytes ? tooLarge : undefined)
    if (complaint !== undefined) throw new UserError(`Nothing was sent, because of ${where}: ${fit(complaint, 300)}`)
  }
  return bodies.map(({ body }) => body)
}

function refusalOf(body: string): Refusal | undefined {
  try {
    parseBody(body)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

/** Characters of the bodies that are submitted together. */
const MAX_CHUNK_LENGTH = 524_288

/**
 * Submits bodies, spread over the partitions, and prints the id of each.
 * @throws {UserError} when a server goes away, saying how many have entered
 */
async function submitBodies(
  bodies: readonly string[],
  config: Config,
  { database, admin, sender }: Servers,
): Promise<void> {
  const entry = entryOf(config)
  // Both servers are asked before the outbox has a row, because its rows are sent later even if this command fails.
  await requireInputs(database)
  const partitions = await countPartitions(admin, entry.topic)
  const ingress = { database, sender, ...entry, enteredBy: 'submit' }
  let partition = randomInt(partitions)
  let entered = 0
  for (const chunk of chunksOf(bodies, (body) => body.length, MAX_CHUNK_LENGTH)) {
    const inputs = chunk.map((body) => newInput(body, partition++ % partitions))
    await submit(inputs, ingress).catch((error: unknown) => {
      const counts = `${formatCount(entered)} of ${formatCount(bodies.length)} have entered. Of the next ${formatCount(chunk.length)} some`
      // What the outbox holds must not be submitted again.
      const advice = 'be saved and not sent yet: do not submit them again, `npx throughline generator` sends them.'
      throw serverMistake(error, config, `\n${counts} may ${advice}`) ?? error
    })
    entered += chunk.length
    print(inputs.map(({ id }) => id).join('\n'))
  }
}
