import { headersFromText } from '../../pipeline/headers.ts'
import { rawJson } from '../../stages/json.ts'
import { bytesText } from './bytes-text.ts'
import { isoTime } from '../iso-time.ts'
import type { DeadLetterRow, DeadLetterSummary } from '../../sql/read-dead-letters.ts'

export function summaryJson(letter: DeadLetterSummary): unknown {
  return { ...letter, diedAt: isoTime(letter.diedAt) }
}

/** A whole dead letter as values for JSON.stringify. Bytes say whether they are text or hex digits. */
export function deadLetterJson(letter: DeadLetterRow): unknown {
  return {
    ...letter,
    diedAt: isoTime(letter.diedAt),
    offset: rawJson(letter.offset),
    headers: Object.fromEntries(
      headerList(letter).map(([name, values]) => [name, values.map((value) => bytesText(value))]),
    ),
    body: letter.body === null ? null : bytesText(letter.body),
  }
}

/** A header may come several times. */
export function headerList({ headers }: DeadLetterRow): [name: string, values: Buffer[]][] {
  return Object.entries(headersFromText(headers)).map(([name, value]) => [
    name,
    [value ?? []].flat().map((one) => Buffer.from(one)),
  ])
}
