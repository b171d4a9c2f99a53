import { bytesText } from './bytes-text.ts'
import { headerList } from './dead-letter-json.ts'
import { secondTime } from '../iso-time.ts'
import { fit, printable } from './printable.ts'
import type { DeadLetterRow, DeadLetterSummary } from '../../sql/read-dead-letters.ts'

/** Two lines each: id, when and where; then why. */
export function renderSummaries(letters: readonly DeadLetterSummary[], width: number): string {
  return letters
    .map(({ id, diedAt, stage, reason, explanation }) =>
      [`${id}  ${secondTime(diedAt)}  ${stage}`, `    ${fit(`${reason}: ${explanation}`, width - 4)}`].join(
        '\n',
      ),
    )
    .join('\n')
}

/** All that is known of one: why it died, where it came from, and what it was. */
export function renderDeadLetter(letter: DeadLetterRow): string {
  const { id, attempt, traceId, diedAt, stage, reason, explanation, topic, partition, offset } = letter
  const fields: [string, string][] = [
    ['message', id],
    ['attempt', String(attempt)],
    ['trace', traceId],
    ['died', `${secondTime(diedAt)} at ${stage}`],
    ['reason', reason],
    ['why', explanation],
    ['from', `topic ${topic}, partition ${partition}, offset ${offset}`],
  ]
  const headers = headerList(letter).flatMap(([name, values]) =>
    values.map((value): [string, string] => ['header', `${name}: ${readable(value)}`]),
  )
  const lines = [...fields, ...headers].map(([name, text]) => `${name.padEnd(9)}${printable(text)}`)
  return [...lines, '', bodyText(letter.body)].join('\n')
}

function bodyText(body: Buffer | null): string {
  if (body === null) return 'The record had no body.'
  if (body.length === 0) return 'The body was empty.'
  const { encoding, text } = bytesText(body)
  return encoding === 'utf8' ? printable(text) : `The body is not UTF-8; in hex:\n${text}`
}

function readable(value: Buffer): string {
  const { encoding, text } = bytesText(value)
  return encoding === 'utf8' ? text : `0x${text}`
}
