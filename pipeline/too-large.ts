import type { DeadLetter } from './compute.ts'
import { transaction, type Database } from './database.ts'
import { lockCounters } from './counters.ts'
import { insertDeadLetters } from './dead-letters.ts'
import type { Place } from './outcome-columns.ts'
import type { SavedResult } from './save.ts'

const remove = `
with gone as (
  delete from results where message_id = $1 and attempt = $2 and stage = $3 returning previous_sent_at
), not_passed as (
  update passed_on set messages = messages - (select count(*) from gone)
  where stage = $3 and partition = $4 and topic = $5
)
update counters
set processed = processed - (select count(*) from gone),
  entered = entered - (select count(*) from gone where previous_sent_at is null)
where stage = $3 and partition = $4`

/** A result that the broker refuses for its size has no way on: in one transaction its row becomes a dead letter. */
export async function buryTooLarge(
  database: Database,
  place: Place,
  refused: readonly SavedResult[],
): Promise<DeadLetter[]> {
  const letters = refused.map(asDeadLetter)
  if (letters.length === 0) return letters
  await transaction(database, async (client) => {
    const { stage, target } = place
    await lockCounters(client, stage, letters)
    for (const {
      message: { id, attempt, partition },
    } of letters) {
      await client.query(remove, [id, attempt, stage, partition, target])
    }
    await insertDeadLetters(client, place, letters)
  })
  return letters
}

function asDeadLetter({ message, body, startedAt, computedAt, skewMs }: SavedResult): DeadLetter {
  const bytes = Buffer.byteLength(body)
  const explanation = `The broker refuses the record of ${bytes} bytes: raise max.message.bytes of the topic, or send less.`
  return { message, startedAt, computedAt, skewMs, reason: 'too-large', explanation }
}
