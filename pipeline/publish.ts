import type { IHeaders } from '../kafka/client.ts'
import { noProgress, type OutgoingRecord, type RecordMetadata, type Sender, type SendProgress } from '../kafka/producer.ts'
import type { DeadLetter, PublishedResult, SavedResult } from '../sql/outcome.ts'
import { now } from '../telemetry/time.ts'
import { ownHeaders, type TraceparentOf } from './headers.ts'
import type { Route } from './route.ts'

/** Records that are being sent, over all attempts: each attempt sends those that are not acknowledged yet. */
export interface PendingRecords {
  readonly records: readonly OutgoingRecord[]
  readonly progress: SendProgress
  /** When sending began, in milliseconds since the epoch. */
  readonly begunAt: number
}

/** The records for the next topic, exactly as the rows hold the bodies. */
export function resultRecords(results: readonly SavedResult[], traceparentOf: TraceparentOf): PendingRecords {
  const begunAt = now()
  const records = results.map((result) => {
    const { message, body } = result
    const { id, attempt, enteredAt, forwarded, partition, key } = message
    const headers: IHeaders = {
      ...forwarded,
      [ownHeaders.id]: id,
      [ownHeaders.attempt]: String(attempt),
      [ownHeaders.sentAt]: sentAtOf(result, begunAt).toFixed(3),
      [ownHeaders.enteredAt]: enteredAt.toFixed(3),
    }
    const traceparent = traceparentOf(message)
    if (traceparent !== undefined) headers[ownHeaders.traceparent] = traceparent
    return { partition, key, value: body, headers }
  })
  return { records, progress: noProgress(), begunAt }
}

/**
 * Splits results that were sent into those on the topic and those that the broker refuses for their size.
 * @param metadata of their records; undefined for one that is refused
 */
export function splitSent(
  results: readonly SavedResult[],
  metadata: readonly (RecordMetadata | undefined)[],
  begunAt: number,
): { readonly published: readonly PublishedResult[]; readonly refused: readonly SavedResult[] } {
  const published: PublishedResult[] = []
  const refused: SavedResult[] = []
  for (const [index, result] of results.entries()) {
    const appended = metadata[index]
    if (appended === undefined) refused.push(result)
    else {
      const sentAt = sentAtOf(result, begunAt)
      const arrivedAt = Math.max(appended.appendedAt, sentAt)
      published.push({ ...result, sentAt, sentSkewMs: sentAt - begunAt, metadata: appended, arrivedAt })
    }
  }
  return { published, refused }
}

function sentAtOf({ computedAt }: SavedResult, begunAt: number): number {
  return Math.max(begunAt, computedAt)
}

/** The records for the topic of the dead letters: as they came, with reason, explanation, stage and source in headers. */
export function deadLetterRecords(
  letters: readonly DeadLetter[],
  route: Route,
  traceparentOf: TraceparentOf,
): PendingRecords {
  const records = letters.map(({ message, reason, explanation }) => {
    const { id, attempt, topic, partition, offset, key, value } = message
    const traceparent = traceparentOf(message)
    const headers: IHeaders = {
      ...message.headers,
      [ownHeaders.id]: id,
      [ownHeaders.attempt]: String(attempt),
      ...(traceparent !== undefined && { [ownHeaders.traceparent]: traceparent }),
      'dead-letter-reason': reason,
      'dead-letter-explanation': explanation,
      'dead-letter-stage': route.stage.name,
      'dead-letter-source': `${topic}/${partition}/${offset}`,
    }
    return { partition, key, value, headers }
  })
  return { records, progress: noProgress(), begunAt: now() }
}

const WITHOUT_VALUE = 'too large for this topic: it is in the table results'

/** Sends dead letters. A record that is too large is sent without its value, which its row has; the headers say why it died. */
export async function sendDeadLetters(sender: Sender, topic: string, { records, progress }: PendingRecords): Promise<void> {
  if (records.length === 0) return
  const metadata = await sender.send(topic, records, progress)
  const refused = records.filter((_, index) => metadata[index] === undefined)
  const withoutValue = refused.map((record) => ({
    ...record,
    value: null,
    headers: { ...record.headers, 'dead-letter-value': WITHOUT_VALUE },
  }))
  if (refused.length > 0) await sender.send(topic, withoutValue)
}
