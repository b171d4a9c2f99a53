import type { DeadLetterRow, DeadLetterSummary } from '../../sql/read-dead-letters.ts'
import { headersFromText } from '../../sql/outcome.ts'
import { rawJson } from '../../stages/json.ts'
import { bytesText, fit, printable, secondTime } from './text.ts'

/** The values that `toJson` writes. Bytes say whether they are text or hex digits. */
export function deadLetterJson(letter: DeadLetterRow): unknown {
  return {
    ...letter,
    offset: rawJson(letter.offset),
    headers: Object.fromEntries(headerList(letter).map(([name, values]) => [name, values.map(bytesText)])),
    body: letter.body === null ? null : bytesText(letter.body),
  }
}

/** A header may have several values. */
function headerList({ headers }: DeadLetterRow): [name: string, values: Buffer[]][] {
  return Object.entries(headersFromText(headers)).map(([name, value]) => [name, [value].flat()])
}

/** Two lines each: id, time, stage, and the state of one that is not open; then the reason. */
export function renderSummaries(letters: readonly DeadLetterSummary[], width: number): string {
  return letters
    .flatMap(({ id, diedAt, stage, reason, explanation, state }) => [
      `${id}  ${secondTime(diedAt)}  ${stage}${state === 'open' ? '' : `  ${state}`}`,
      `    ${fit(`${reason}: ${explanation}`, width - 4)}`,
    ])
    .join('\n')
}

/** One dead letter with its reason, origin, headers and body. */
export function renderDeadLetter(letter: DeadLetterRow): string {
  const { id, attempt, traceId, diedAt, stage, reason, explanation, topic, partition, offset, state, note } = letter
  const headers = headerList(letter).flatMap(([name, values]) => values.map((value) => `${name}: ${headerText(value)}`))
  const lines = [
    `message  ${id}`,
    `attempt  ${attempt}`,
    `state    ${note === null ? state : `${state}: ${note}`}`,
    `trace    ${traceId}`,
    `died     ${secondTime(diedAt)} at ${stage}`,
    `reason   ${reason}`,
    `why      ${explanation}`,
    `from     topic ${topic}, partition ${partition}, offset ${offset}`,
    ...headers.map((header) => `header   ${header}`),
    '',
    bodyText(letter.body),
  ]
  return printable(lines.join('\n'))
}

function bodyText(body: Buffer | null): string {
  if (body === null) return 'The record had no body.'
  if (body.length === 0) return 'The body was empty.'
  const { encoding, text } = bytesText(body)
  return encoding === 'utf8' ? text : `The body is not UTF-8; in hex:\n${text}`
}

function headerText(value: Buffer): string {
  const { encoding, text } = bytesText(value)
  return encoding === 'utf8' ? text : `0x${text}`
}
