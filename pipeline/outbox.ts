import { now } from '../telemetry/clock.ts'
import type { Database } from '../sql/database.ts'
import { insertInputs, markPublished, selectUnpublished, withdrawInputs, type Input } from '../sql/inputs.ts'
import { ownHeaders } from './headers.ts'
import { newMessageId } from './message.ts'
import type { Sender } from '../kafka/producer.ts'
import { UserError } from '../telemetry/user-error.ts'

/** Where messages enter: the stage that reads the topic first. */
export interface Entry {
  readonly database: Database
  readonly sender: Sender
  readonly stage: string
  readonly topic: string
  /** The command that lets messages in; the generator by default. */
  readonly enteredBy?: string
}

/**
 * Lets messages into the pipeline by an outbox: their rows first, then the records, then they are out of the outbox. After a
 * crash in between, {@link enterUnpublished} sends what is still in it again, with the same ids: the first stage drops the duplicates.
 * @throws {UserError} when the broker refuses some for their size: those are taken back, the others are in
 */
export async function enter(inputs: readonly Input[], entry: Entry): Promise<void> {
  await insertInputs(entry.database, entry, inputs)
  refuse(await publishInputs(inputs, entry), entry)
}

function refuse(refused: readonly Input[], entry: Entry): void {
  if (refused.length === 0) return
  const ids = refused.map(({ id }) => id).join(', ')
  throw new UserError(
    `The broker refuses for their size: ${ids}. Send less, or raise max.message.bytes of ${entry.topic}.`,
  )
}

const OUTBOX_PAGE = 100

/**
 * Sends what another process has left in the outbox.
 * @param minAge in seconds: what is younger may be on its way just now
 * @returns how many there were
 */
export async function enterUnpublished(entry: Entry, minAge = 0): Promise<number> {
  // Ids sort by time: later ones are those of a generator that is running.
  const until = newMessageId()
  let sent = 0
  for (;;) {
    const rows = await selectUnpublished(entry.database, entry.stage, { until, minAge, most: OUTBOX_PAGE })
    if (rows.length === 0) return sent
    refuse(await publishInputs(rows, entry), entry)
    sent += rows.length
  }
}

/** Returns those that the broker refuses for their size, which are out of the outbox again. */
async function publishInputs(
  inputs: readonly Input[],
  { database, sender, stage, topic }: Entry,
): Promise<Input[]> {
  const records = inputs.map(({ id, body, partition }) => ({
    partition,
    key: null,
    value: Buffer.from(body),
    headers: { [ownHeaders.id]: id, [ownHeaders.attempt]: '1', [ownHeaders.sentAt]: now().toFixed(3) },
  }))
  const metadata = await sender.send(topic, records)
  const refused = inputs.filter((_, index) => metadata[index] === undefined)
  await withdrawInputs(database, stage, refused)
  await markPublished(
    database,
    inputs.filter((_, index) => metadata[index] !== undefined),
  )
  return refused
}
