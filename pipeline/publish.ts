import { now } from './clock.ts'
import type { Database } from './database.ts'
import { deadLetterHeaders } from './dead-letters.ts'
import { insertFinishes, type Finish } from './finishes.ts'
import { carriedHeaders, ownHeaders } from './headers.ts'
import type { Place } from './outcome-columns.ts'
import type { Route } from './route.ts'
import type { Saved, SavedDeadLetter, SavedResult } from './save.ts'
import type { Outgoing, Receipt, Sender } from './send.ts'
import { buryTooLarge } from './too-large.ts'
import { formatTraceparent } from './traceparent.ts'

export interface Publishing {
  readonly route: Route
  readonly place: Place
  readonly deadLetterTopic: string
  readonly sender: Sender
  readonly database: Database
  /** Tries again until it works. */
  readonly patiently: <T>(what: string, attempt: () => Promise<T>) => Promise<T>
}

/** Publishes what was saved, exactly as the rows hold it; at the last stage records what has finished. */
export async function publish(saved: Saved, publishing: Publishing): Promise<void> {
  const { route, place, sender, database, patiently } = publishing
  const begun = now()
  const results = saved.results.map((result) => ({ ...result, sentAt: Math.max(begun, result.computedAt) }))
  const records = results.map(nextRecord)
  const receipts = await patiently(`Publishing to ${route.target}`, () =>
    sender.send(route.target, place.partition, records),
  )
  const refused = results.filter((_, index) => receipts[index] === undefined)
  const buried = await patiently('Saving dead letters', () => buryTooLarge(database, place, refused))
  await publishDeadLetters([...saved.deadLetters, ...buried], publishing)
  if (route.isLast) {
    const finishes = finishesOf(results, receipts)
    await patiently('Saving what has finished', () => insertFinishes(database, finishes))
  }
}

async function publishDeadLetters(
  letters: readonly SavedDeadLetter[],
  publishing: Publishing,
): Promise<void> {
  const { deadLetterTopic, place, sender, patiently } = publishing
  if (letters.length === 0) return
  const records = letters.map((letter) => ({
    key: letter.message.key,
    value: letter.message.value,
    headers: deadLetterHeaders(letter, place.stage),
  }))
  await patiently(`Publishing to ${deadLetterTopic}`, () =>
    sender.send(deadLetterTopic, place.partition, records),
  )
}

/** A saved result with the time at which its publishing began. */
type Sent = SavedResult & { readonly sentAt: number }

function nextRecord({ message, body, sentAt }: Sent): Outgoing {
  const headers = {
    ...carriedHeaders(message.headers),
    [ownHeaders.id]: message.id,
    [ownHeaders.attempt]: String(message.attempt),
    [ownHeaders.sentAt]: sentAt.toFixed(3),
    [ownHeaders.enteredAt]: message.enteredAt.toFixed(3),
    ...(message.parent && { [ownHeaders.traceparent]: formatTraceparent(message.parent) }),
  }
  return { key: message.key, value: Buffer.from(body), headers }
}

function finishesOf(results: readonly Sent[], receipts: readonly (Receipt | undefined)[]): Finish[] {
  return results.flatMap(({ message, sentAt }, index) => {
    const receipt = receipts[index]
    if (receipt === undefined) return []
    return [{ message, sentAt, receipt, finishedAt: Math.max(receipt.appendedAt, sentAt) }]
  })
}
