import type { IHeaders } from 'kafkajs'
import { now } from './clock.ts'
import type { DeadLetter } from './compute.ts'
import type { Database } from './database.ts'
import { deadLetterHeaders } from './dead-letters.ts'
import { insertFinishes } from './finishes.ts'
import { ownHeaders } from './headers.ts'
import type { Message } from './message.ts'
import type { Place } from './outcome-columns.ts'
import type { Route } from './route.ts'
import type { Saved, SavedResult } from './save.ts'
import type { Outgoing, Receipt } from './requests.ts'
import type { Sender, Settled } from './send.ts'
import { buryTooLarge } from './too-large.ts'

export interface Publishing {
  readonly route: Route
  readonly place: Place
  readonly sender: Sender
  readonly database: Database
  /** The traceparent for what is sent on; undefined for none. */
  readonly traceparent: (message: Message) => string | undefined
  /** Tries again until it works; `server` is whose answer it depends on. */
  readonly patiently: <T>(server: string, attempt: () => Promise<T>) => Promise<T>
}

/** A result that is on the next topic. Times in milliseconds since the epoch. */
export type Published = SavedResult & {
  /** When its publishing began. */
  readonly sentAt: number
  /** How far `sentAt` had to be lifted, because our clock is behind the broker's, in milliseconds. */
  readonly sentSkewMs: number
  readonly receipt: Receipt
  /** When the broker had it there; never before it was sent. */
  readonly arrivedAt: number
}

/** What is on the topics after a batch. */
export interface Publication {
  readonly results: readonly Published[]
  readonly deadLetters: readonly DeadLetter[]
  readonly redelivered: ReadonlySet<Message>
  readonly copies: readonly Message[]
  /** When the broker had acknowledged the results. */
  readonly acknowledgedAt: number
  /** When the dead letters began to be published, and when the broker had acknowledged them. */
  readonly lettersSentAt: number
  readonly lettersAcknowledgedAt: number
}

/** Publishes what was saved, exactly as the rows hold it; at the last stage records what has finished. */
export async function publish(saved: Saved, publishing: Publishing): Promise<Publication> {
  const { route, place, sender, database, patiently, traceparent } = publishing
  const begun = now()
  const { results } = saved
  const records = results.map((result) => nextRecord(result, begun, traceparent(result.message)))
  const settled: Settled = new Map()
  const receipts = await patiently('Kafka', () => sender.send(route.target, records, settled))
  const acknowledgedAt = now()
  const published: Published[] = []
  const refused: SavedResult[] = []
  for (const [index, result] of results.entries()) {
    const receipt = receipts[index]
    if (receipt === undefined) refused.push(result)
    else published.push(arrived(result, begun, receipt))
  }
  const buried = await patiently('Postgres', () => buryTooLarge(database, place, refused))
  const deadLetters = [...saved.deadLetters, ...buried]
  const lettersSentAt = now()
  await publishDeadLetters(deadLetters, publishing)
  const lettersAcknowledgedAt = now()
  if (route.isLast) await patiently('Postgres', () => insertFinishes(database, place.stage, published))
  const times = { acknowledgedAt, lettersSentAt, lettersAcknowledgedAt }
  const { redelivered, copies } = saved
  return { results: published, deadLetters, redelivered, copies, ...times }
}

async function publishDeadLetters(letters: readonly DeadLetter[], publishing: Publishing): Promise<void> {
  const { route, place, sender, patiently, traceparent } = publishing
  if (letters.length === 0) return
  const records = letters.map((letter) => {
    const headers = deadLetterHeaders(letter, place.stage, traceparent(letter.message))
    const { partition, key, value } = letter.message
    return { partition, key, value, headers }
  })
  const send = (some: readonly Outgoing[], settled: Settled = new Map()) =>
    patiently('Kafka', () => sender.send(route.deadLetters, some, settled))
  const receipts = await send(records)
  const refused = records.filter((_, index) => receipts[index] === undefined)
  // The row has the value. The record without it still says what died, where and why.
  const value = 'too large for this topic: it is in the table dead_letters'
  if (refused.length > 0) {
    await send(
      refused.map(({ partition, key, headers }) => ({
        partition,
        key,
        value: null,
        headers: { ...headers, 'dead-letter-value': value },
      })),
    )
  }
}

/** Never before it was computed. */
function sentAtOf({ computedAt }: SavedResult, begun: number): number {
  return Math.max(begun, computedAt)
}

function nextRecord(result: SavedResult, begun: number, traceparent: string | undefined): Outgoing {
  const { message, body } = result
  const headers: IHeaders = {
    ...message.carried,
    [ownHeaders.id]: message.id,
    [ownHeaders.attempt]: String(message.attempt),
    [ownHeaders.sentAt]: sentAtOf(result, begun).toFixed(3),
    [ownHeaders.enteredAt]: message.enteredAt.toFixed(3),
  }
  if (traceparent !== undefined) headers[ownHeaders.traceparent] = traceparent
  return { partition: message.partition, key: message.key, value: body, headers }
}

function arrived(result: SavedResult, begun: number, receipt: Receipt): Published {
  const sentAt = sentAtOf(result, begun)
  const sentSkewMs = sentAt - begun
  return { ...result, sentAt, sentSkewMs, receipt, arrivedAt: Math.max(receipt.appendedAt, sentAt) }
}
