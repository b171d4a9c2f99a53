import type { Sender } from '../../kafka/producer.ts'
import type { Database } from '../../sql/database.ts'
import { insertInputs, removeFromOutbox, selectUnpublished, withdrawInputs, type Input } from '../../sql/inputs.ts'
import { now } from '../../telemetry/time.ts'
import { UserError } from '../../telemetry/user-error.ts'
import { ownHeaders } from '../headers.ts'

/** Where messages enter the pipeline: the first stage and the topic it reads. */
export interface Ingress {
  readonly database: Database
  readonly sender: Sender
  readonly stage: string
  readonly topic: string
  /** The command that submits; the generator by default. */
  readonly enteredBy?: string
}

/**
 * Submits messages through an outbox: first their rows, then the records, then the rows leave the outbox. After a crash in
 * between, {@link submitUnpublished} sends the records again with the same ids: the first stage drops the duplicates.
 * @throws {UserError} when the broker refuses some for their size: their rows are deleted, the other messages are in
 */
export async function submit(inputs: readonly Input[], ingress: Ingress): Promise<void> {
  await insertInputs(ingress.database, ingress, inputs)
  assertAccepted(await publishInputs(inputs, ingress), ingress)
}

function assertAccepted(refused: readonly Input[], { topic }: Ingress): void {
  if (refused.length === 0) return
  const ids = refused.map(({ id }) => id).join(', ')
  throw new UserError(`The broker refuses for their size: ${ids}. Send less, or raise max.message.bytes of ${topic}.`)
}

/**
 * Sends the messages that other processes have left in the outbox.
 * @param minAge in seconds: younger ones may be being sent by their own process
 * @returns how many there were
 */
export async function submitUnpublished(ingress: Ingress, minAge = 0): Promise<number> {
  // What has come since is of a process that is running.
  const begun = performance.now()
  let sent = 0
  for (;;) {
    const age = minAge + (performance.now() - begun) / 1000
    const inputs = await selectUnpublished(ingress.database, ingress.stage, age)
    if (inputs.length === 0) return sent
    assertAccepted(await publishInputs(inputs, ingress), ingress)
    sent += inputs.length
  }
}

/** Returns those that the broker refuses for their size, whose rows are deleted. */
async function publishInputs(inputs: readonly Input[], { database, sender, stage, topic }: Ingress): Promise<Input[]> {
  const records = inputs.map(({ id, body, partition }) => ({
    partition,
    key: null,
    value: Buffer.from(body),
    headers: { [ownHeaders.id]: id, [ownHeaders.attempt]: '1', [ownHeaders.sentAt]: now().toFixed(3) },
  }))
  const metadata = await sender.send(topic, records)
  const refused = inputs.filter((_, index) => metadata[index] === undefined)
  await withdrawInputs(database, stage, refused)
  await removeFromOutbox(database, inputs)
  return refused
}
